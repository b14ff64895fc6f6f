# 40,000 optimizer steps of 8 samples of AdamW, as SegFormer is trained: neck
# and head learn 10 times as fast as the backbone. Factor (1 - step / 40000),
# times a warm-up over 1500 steps from 1e-6.
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(
        type='AdamW', lr=6e-5, betas=(0.9, 0.999), weight_decay=0.01
    ),
    paramwise_cfg=dict(
        custom_keys={
            'pos_block': dict(decay_mult=0.0),
            'norm': dict(decay_mult=0.0),
            'neck': dict(lr_mult=10.0),
            'decode_head': dict(lr_mult=10.0),
        }
    ),
    clip_grad=None,
)
# The two factors multiply. mmengine reaches the last value one step before
# `end`, hence not 1500 and 40000.
param_scheduler = [
    dict(
        type='LinearLR', start_factor=1e-6, begin=0, end=1501, by_epoch=False
    ),
    dict(
        type='PolyLR', power=1.0, eta_min=0, begin=0, end=40001, by_epoch=False
    ),
]
train_cfg = dict(type='IterBasedTrainLoop', max_iters=40000, val_interval=4000)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
default_hooks = dict(
    timer=dict(type='IterTimerHook'),
    logger=dict(type='LoggerHook', interval=50, log_metric_by_epoch=False),
    param_scheduler=dict(type='ParamSchedulerHook'),
    checkpoint=dict(
        type='CheckpointHook', by_epoch=False, interval=4000, max_keep_ckpts=3
    ),
    sampler_seed=dict(type='DistSamplerSeedHook'),
    visualization=dict(type='MultiTaskVisualizationHook'),
)
auto_scale_lr = dict(enable=False, base_batch_size=8)
