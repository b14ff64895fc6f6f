dataset_type = 'NYUDv2Dataset'
data_root = 'data/NYUDv2'
tasks = ['semseg', 'depth', 'normals', 'edge']
train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadMultiTaskAnnotations'),
    dict(type='MultiTaskRandomScale', ratio_range=(0.5, 2.0)),
    dict(type='MultiTaskRandomCrop', crop_size=(425, 560), cat_max_ratio=0.75),
    dict(type='MultiTaskRandomFlip', prob=0.5),
    dict(type='MultiTaskPhotoMetricDistortion'),
    dict(type='MultiTaskCenteredPad'),
    dict(type='PackMultiTaskInputs'),
]
# Every image has the size of the crop, so nothing is padded in testing.
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadMultiTaskAnnotations'),
    dict(type='PackMultiTaskInputs'),
]
tta_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(
        type='TestTimeAug',
        transforms=[
            [
                dict(type='MultiTaskRandomScale', scales=[0.75]),
                dict(type='MultiTaskRandomScale', scales=[1.0]),
                dict(type='MultiTaskRandomScale', scales=[1.25]),
            ],
            [
                dict(type='MultiTaskRandomFlip', prob=0.0),
                dict(type='MultiTaskRandomFlip', prob=1.0),
            ],
            [dict(type='LoadMultiTaskAnnotations')],
            [dict(type='PackMultiTaskInputs')],
        ],
    ),
]
# Batch size per process; the recipe has 8 processes. One GPU: 8.
train_dataloader = dict(
    batch_size=1,
    num_workers=4,
    persistent_workers=True,
    drop_last=True,
    sampler=dict(type='InfiniteSampler', shuffle=True),
    dataset=dict(
        type=dataset_type,
        data_root=data_root,
        split='train',
        tasks=tasks,
        pipeline=train_pipeline,
    ),
)
val_dataloader = dict(
    batch_size=1,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type=dataset_type,
        data_root=data_root,
        split='val',
        tasks=tasks,
        pipeline=test_pipeline,
    ),
)
test_dataloader = val_dataloader
val_evaluator = dict(
    type='MultiTaskEvaluator',
    metrics=[
        dict(type='SegmentationMetric'),
        dict(type='DepthErrorMetric'),
        dict(type='NormalsMetric'),
        dict(type='PixelEdgeMetric'),
    ],
)
# odsF takes about a second per map, so only testing computes it; validation
# has pixelF instead. seism_odsF follows the protocol of the papers' tool.
boundary_metrics = [
    dict(type='BoundaryMetric', max_dist=0.011, workers=2),
    dict(type='BoundaryMetric', protocol='seism', max_dist=0.011, workers=2),
]
test_evaluator = dict(
    type='MultiTaskEvaluator',
    metrics=[*val_evaluator['metrics'], *boundary_metrics],
)
