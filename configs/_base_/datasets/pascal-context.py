dataset_type = 'PascalContextMTDataset'
data_root = 'data/PASCALContext'
tasks = ['semseg', 'human_parts', 'saliency', 'normals', 'edge']
# Images are padded to this size in testing; they are at most 500x500.
test_size = (512, 512)
train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadMultiTaskAnnotations'),
    dict(type='MultiTaskRandomScale', ratio_range=(0.5, 2.0)),
    dict(type='MultiTaskRandomCrop', crop_size=(512, 512), cat_max_ratio=0.75),
    dict(type='MultiTaskRandomFlip', prob=0.5),
    dict(type='MultiTaskPhotoMetricDistortion'),
    dict(type='MultiTaskCenteredPad'),
    # After the crop, which may have cut people off.
    dict(type='IgnoreEmptyHumanParts'),
    dict(type='PackMultiTaskInputs'),
]
# The labels keep their size: they are read after the padding, and
# predictions are cut to the original image.
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='MultiTaskCenteredPad', size=test_size),
    dict(type='LoadMultiTaskAnnotations'),
    dict(type='IgnoreEmptyHumanParts'),
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
            [dict(type='MultiTaskCenteredPad', size=test_size)],
            [dict(type='LoadMultiTaskAnnotations')],
            [dict(type='IgnoreEmptyHumanParts')],
            [dict(type='PackMultiTaskInputs')],
        ],
    ),
]
# Batch size per process; the recipe has 8 processes.
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
        dict(type='SegmentationMetric', task='human_parts'),
        dict(type='SaliencyMetric'),
        dict(type='NormalsMetric'),
        dict(type='PixelEdgeMetric'),
    ],
)
# odsF takes about a second per map, so only testing computes it; validation
# has pixelF instead. seism_odsF follows the protocol of the papers' tool.
# Both use the 2,498 images of the published figures; ids=None uses all 5,105.
boundary_metrics = [
    dict(
        type='BoundaryMetric',
        ids='pascal_context_seism',
        max_dist=0.0075,
        workers=2,
    ),
    dict(
        type='BoundaryMetric',
        protocol='seism',
        ids='pascal_context_seism',
        max_dist=0.0075,
        workers=2,
    ),
]
test_evaluator = dict(
    type='MultiTaskEvaluator',
    metrics=[*val_evaluator['metrics'], *boundary_metrics],
)
