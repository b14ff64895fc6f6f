custom_imports = dict(imports=['mmmtl_toy'])
default_scope = 'mmmtl'
env_cfg = dict(
    mp_cfg=dict(mp_start_method='fork', opencv_num_threads=0),
    dist_cfg=dict(backend='nccl'),
)
log_processor = dict(by_epoch=False)
load_from = None
load_from_strict = True
resume = False
auto_scale_lr = dict(enable=False, base_batch_size=8)
model = dict(
    type='ToyModel',
    backbone=dict(
        type='ToyBackbone',
        norm_cfg=dict(type='SyncBN', requires_grad=True),
        init_cfg=dict(type='Constant', val=0.5, layer='Conv2d'),
    ),
)
loader = dict(
    batch_size=2,
    num_workers=0,
    collate_fn=dict(type='default_collate'),
    dataset=dict(type='ToyDataset', length=6),
    sampler=dict(type='DefaultSampler', shuffle=False),
)
train_dataloader = dict(
    batch_size=2,
    num_workers=0,
    collate_fn=dict(type='default_collate'),
    dataset=dict(type='ToyDataset', length=16),
    sampler=dict(type='InfiniteSampler', shuffle=True),
)
val_dataloader = loader
test_dataloader = loader
val_evaluator = dict(type='ToyError')
test_evaluator = val_evaluator
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='SGD', lr=0.1, momentum=0.9),
)
param_scheduler = [
    dict(type='PolyLR', power=0.9, eta_min=0, begin=0, end=5, by_epoch=False)
]
train_cfg = dict(type='IterBasedTrainLoop', max_iters=4, val_interval=2)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
default_hooks = dict(
    logger=dict(type='LoggerHook', interval=1, log_metric_by_epoch=False),
    param_scheduler=dict(type='ParamSchedulerHook'),
    checkpoint=dict(type='CheckpointHook', by_epoch=False, interval=2),
)
