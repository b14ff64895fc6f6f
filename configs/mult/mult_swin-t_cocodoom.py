# Set model.decode_head.tasks.semseg.out_channels to the number of lines of
# data/cocodoom/classes.txt. Total batch 8, 4 on each of 2 processes.
_base_ = [
    '../_base_/models/mult_swin-t.py',
    '../_base_/tasks/cocodoom-mult.py',
    '../_base_/datasets/cocodoom.py',
    '../_base_/schedules/schedule_mult_40k.py',
    '../_base_/default_runtime.py',
]
