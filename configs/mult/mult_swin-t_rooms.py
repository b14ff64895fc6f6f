# MulT's six tasks on rendered rooms, from random weights, in minutes on two
# CPU cores.
_base_ = [
    '../_base_/models/mult_swin-t.py',
    '../_base_/tasks/rooms-mult.py',
    '../_base_/datasets/rooms-taskonomy.py',
    '../_base_/schedules/schedule_rooms.py',
    '../_base_/default_runtime.py',
]
model = dict(
    # From random weights, 240 steps need no regularisation.
    backbone=dict(init_cfg=None, drop_path_rate=0.0),
    decode_head=dict(drop_path_rate=0.0, dropout_ratio=0.0),
)
# At the model's learning rate the losses' weights would not get far from 1 in
# 240 steps.
optim_wrapper = dict(
    optimizer=dict(lr=3e-4),
    paramwise_cfg=dict(
        custom_keys=dict(log_variances=dict(lr_mult=20.0, decay_mult=0.0))
    ),
)
