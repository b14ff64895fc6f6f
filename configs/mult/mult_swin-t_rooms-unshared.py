# Without sharing: every task has queries and keys of its own for the
# encoder's level, so a map of its own. The paper's ablation, in minutes.
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
    decode_head=dict(
        blocks=('private', 'private_skip'),
        drop_path_rate=0.0,
        dropout_ratio=0.0,
    ),
)
optim_wrapper = dict(
    optimizer=dict(lr=3e-4),
    paramwise_cfg=dict(
        custom_keys=dict(log_variances=dict(lr_mult=20.0, decay_mult=0.0))
    ),
)
