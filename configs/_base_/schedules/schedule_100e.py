# 100 epochs of Adam, as SCA-MTL's authors train on NYUDv2 and
# PASCAL-Context: lr * (1 - epoch / 100) ** 0.9, no warm-up. The best mean
# gain over single-task models (delta_m) among the last 10 epochs is kept;
# that needs val_evaluator.single_task.
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='Adam', lr=1e-4, weight_decay=1e-4),
    clip_grad=None,
)
param_scheduler = [
    dict(
        type='PolyLR',
        power=0.9,
        eta_min=0,
        begin=0,
        # Zero would be reached at epoch `end - 1`, hence not 100.
        end=101,
        by_epoch=True,
    )
]
train_cfg = dict(
    type='EpochBasedTrainLoop',
    max_epochs=100,
    val_interval=10,
    dynamic_intervals=[(91, 1)],
)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
default_hooks = dict(
    timer=dict(type='IterTimerHook'),
    logger=dict(type='LoggerHook', interval=50),
    param_scheduler=dict(type='ParamSchedulerHook'),
    checkpoint=dict(
        type='LastEpochsCheckpointHook',
        last_epochs=10,
        interval=10,
        max_keep_ckpts=3,
    ),
    sampler_seed=dict(type='DistSamplerSeedHook'),
    visualization=dict(type='MultiTaskVisualizationHook'),
)
