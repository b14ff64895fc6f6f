# Total batch 8 (2 processes of 4), 40k iterations of SGD. One GPU:
# train_dataloader.batch_size=8.
_base_ = [
    '../_base_/models/fcn_swin-t.py',
    '../_base_/tasks/taskonomy.py',
    '../_base_/datasets/taskonomy.py',
    '../_base_/schedules/schedule_40k.py',
    '../_base_/default_runtime.py',
]
