# The recipe of the model that comes with the package (rooms-lite0): nine
# tasks on varied rooms, 4,000 steps of 8 images.
_base_ = [
    '../_base_/models/fusion_efficientnet-lite0.py',
    '../_base_/tasks/rooms-varied.py',
    '../_base_/datasets/rooms-varied.py',
    '../_base_/schedules/schedule_rooms.py',
    '../_base_/default_runtime.py',
]
optim_wrapper = dict(
    optimizer=dict(lr=1e-3, weight_decay=0.02),
    paramwise_cfg=dict(custom_keys=dict(backbone=dict(lr_mult=0.3))),
)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.05, begin=0, end=100, by_epoch=False),
    dict(
        type='PolyLR',
        power=0.9,
        eta_min=0,
        begin=100,
        end=4001,
        by_epoch=False,
    ),
]
train_cfg = dict(max_iters=4000, val_interval=1000)
# The mean of the weights is evaluated and kept: it can be used at any step.
custom_hooks = [dict(type='EMAHook', momentum=0.002, update_buffers=True)]
default_hooks = dict(
    logger=dict(interval=20),
    checkpoint=dict(interval=100, max_keep_ckpts=2),
)
