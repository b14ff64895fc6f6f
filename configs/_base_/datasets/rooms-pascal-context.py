# Rendered rooms in PASCAL-Context's layout:
# python tools/dataset_converters/rooms.py data/rooms-pascal-context
#     --layout pascal_context --num-train 200 --num-val 40 --size 96 128
dataset_type = 'PascalContextMTDataset'
data_root = 'data/rooms-pascal-context'
# What tools/demo.py renders.
rendered = dict(num_train=320, num_val=48, size=(96, 128))
tasks = ['semseg', 'human_parts', 'saliency', 'normals', 'edge']
# Images are padded to this size in testing.
test_size = (128, 128)
train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadMultiTaskAnnotations'),
    dict(type='MultiTaskRandomScale', ratio_range=(0.8, 1.25)),
    dict(type='MultiTaskRandomCrop', crop_size=(128, 128), cat_max_ratio=0.75),
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
train_dataloader = dict(
    batch_size=4,
    num_workers=2,
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
    num_workers=2,
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
        # Rooms have 5 of VOC's 21 classes.
        dict(type='SegmentationMetric', empty_classes='skip'),
        dict(type='SegmentationMetric', task='human_parts'),
        dict(type='SaliencyMetric'),
        dict(type='NormalsMetric'),
        dict(type='PixelEdgeMetric'),
    ],
)
# odsF takes about a second per map, so only testing computes it; validation
# has pixelF instead.
test_evaluator = dict(
    type='MultiTaskEvaluator',
    metrics=[
        *val_evaluator['metrics'],
        dict(type='BoundaryMetric', max_dist=0.0075),
    ],
)
