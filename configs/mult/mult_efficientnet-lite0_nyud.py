# Total batch 8, 4 on each of 2 processes. On one GPU:
# train_dataloader.batch_size=8.
_base_ = [
    '../_base_/models/mult_efficientnet-lite0.py',
    '../_base_/tasks/nyud-mult.py',
    '../_base_/datasets/nyud-mult.py',
    '../_base_/schedules/schedule_mult_40k.py',
    '../_base_/default_runtime.py',
]
