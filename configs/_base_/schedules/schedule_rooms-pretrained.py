# 600 steps of AdamW for networks that start from ImageNet: the backbone, which
# knows something, learns at 0.3 of the head's rate. 20 steps of warm-up, then
# poly to zero.
_base_ = './schedule_rooms.py'
optim_wrapper = dict(
    optimizer=dict(lr=2e-3),
    paramwise_cfg=dict(custom_keys=dict(backbone=dict(lr_mult=0.3))),
)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.05, begin=0, end=20, by_epoch=False),
    dict(
        type='PolyLR', power=0.9, eta_min=0, begin=20, end=601, by_epoch=False
    ),
]
train_cfg = dict(max_iters=600, val_interval=600)
default_hooks = dict(checkpoint=dict(interval=600))
