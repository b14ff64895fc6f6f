# The authors' recipe: total batch 8 (1 on each of 8 processes), 40k
# iterations, SGD 1e-3. On one GPU: train_dataloader.batch_size=8.
_base_ = [
    '../_base_/models/demt_swin-t.py',
    '../_base_/tasks/nyud.py',
    '../_base_/datasets/nyud.py',
    '../_base_/schedules/schedule_40k.py',
    '../_base_/default_runtime.py',
]
