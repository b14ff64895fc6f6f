dataset_type = 'CityscapesMTDataset'
data_root = 'data/cityscapes'
tasks = ['semseg', 'depth']
# Metres; farther away stereo is inaccurate, and no figures are reported.
max_depth = 80.0
train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadMultiTaskAnnotations'),
    dict(type='MultiTaskRandomScale', ratio_range=(0.5, 2.0)),
    dict(
        type='MultiTaskRandomCrop', crop_size=(512, 1024), cat_max_ratio=0.75
    ),
    dict(type='MultiTaskRandomFlip', prob=0.5),
    dict(type='MultiTaskPhotoMetricDistortion'),
    dict(type='MultiTaskCenteredPad'),
    dict(type='PackMultiTaskInputs'),
]
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
train_dataloader = dict(
    batch_size=2,
    num_workers=4,
    persistent_workers=True,
    drop_last=True,
    sampler=dict(type='InfiniteSampler', shuffle=True),
    dataset=dict(
        type=dataset_type,
        data_root=data_root,
        split='train',
        tasks=tasks,
        max_depth=max_depth,
        pipeline=train_pipeline,
    ),
)
# The published test split has no public labels.
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
        max_depth=max_depth,
        pipeline=test_pipeline,
    ),
)
test_dataloader = val_dataloader
val_evaluator = dict(
    type='MultiTaskEvaluator',
    metrics=[
        dict(type='SegmentationMetric'),
        dict(type='DepthErrorMetric', max_depth=max_depth, inverse=True),
    ],
)
test_evaluator = val_evaluator
