dataset_type = 'TaskonomyDataset'
data_root = 'data/taskonomy'
# tools/dataset_converters/taskonomy.py makes the lists of a subset there.
split_root = 'data/taskonomy_splits/tiny'
tasks = [
    'semseg',
    'depth',
    'normals',
    'reshading',
    'keypoints2d',
    'edges2d',
]
# No change of size or colour: key points and edges are functions of the
# picture's grey levels, and their labels would no longer fit.
train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadMultiTaskAnnotations'),
    # The size of every view.
    dict(type='MultiTaskRandomCrop', crop_size=(512, 512)),
    dict(type='MultiTaskRandomFlip', prob=0.5),
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
                dict(type='MultiTaskRandomFlip', prob=0.0),
                dict(type='MultiTaskRandomFlip', prob=1.0),
            ],
            [dict(type='LoadMultiTaskAnnotations')],
            [dict(type='PackMultiTaskInputs')],
        ],
    ),
]
train_dataloader = dict(
    batch_size=4,
    num_workers=4,
    persistent_workers=True,
    drop_last=True,
    sampler=dict(type='InfiniteSampler', shuffle=True),
    dataset=dict(
        type=dataset_type,
        data_root=data_root,
        split='train',
        split_root=split_root,
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
        split_root=split_root,
        tasks=tasks,
        pipeline=test_pipeline,
    ),
)
test_dataloader = dict(
    batch_size=1,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type=dataset_type,
        data_root=data_root,
        split='test',
        split_root=split_root,
        tasks=tasks,
        pipeline=test_pipeline,
    ),
)
val_evaluator = dict(
    type='MultiTaskEvaluator',
    metrics=[
        dict(type='SegmentationMetric'),
        dict(type='DepthErrorMetric'),
        dict(type='NormalsMetric'),
        dict(type='HeatMapMetric', task='reshading'),
        dict(type='HeatMapMetric', task='keypoints2d'),
        dict(type='HeatMapMetric', task='edges2d'),
    ],
)
test_evaluator = val_evaluator
