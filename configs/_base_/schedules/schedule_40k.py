# 40,000 optimizer steps of 8 samples: about 400 epochs of NYUDv2 (795
# images), 64 of PASCAL-Context (4,998). lr * (1 - step / 40000) ** 0.9, no
# warm-up. On one GPU: train_dataloader.batch_size=8; if that does not fit into
# memory, --total-batch 8, with which BatchNorm sees one image at a time.
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='SGD', lr=1e-3, momentum=0.9, weight_decay=5e-4),
    clip_grad=None,
)
param_scheduler = [
    dict(
        type='PolyLR',
        power=0.9,
        eta_min=0,
        begin=0,
        # Zero would be reached at step `end - 1`, hence not 40000.
        end=40001,
        by_epoch=False,
    )
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
