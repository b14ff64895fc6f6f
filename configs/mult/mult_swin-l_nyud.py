_base_ = [
    '../_base_/models/mult_swin-l.py',
    '../_base_/tasks/nyud-mult.py',
    '../_base_/datasets/nyud-mult.py',
    '../_base_/schedules/schedule_mult_40k.py',
    '../_base_/default_runtime.py',
]
