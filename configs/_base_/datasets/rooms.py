# Rendered rooms in NYUDv2's layout:
# python tools/dataset_converters/rooms.py data/rooms --layout nyud
#     --num-train 320 --num-val 48 --size 96 128 --seed 0
dataset_type = 'NYUDv2Dataset'
data_root = 'data/rooms'
# What tools/demo.py renders.
rendered = dict(num_train=320, num_val=48, size=(96, 128))
tasks = ['semseg', 'depth', 'normals', 'edge']
# The classes of the renderer, stored as 1, 2, ... (0 is unlabelled).
metainfo = dict(
    classes=[
        'wall',
        'floor',
        'ceiling',
        'cabinet',
        'bed',
        'chair',
        'sofa',
        'table',
        'door',
        'window',
        'bookshelf',
        'picture',
        'lamp',
        'person',
        'otherprop',
    ],
    palette=[
        [174, 199, 232],
        [152, 223, 138],
        [219, 219, 141],
        [31, 119, 180],
        [255, 187, 120],
        [188, 189, 34],
        [140, 86, 75],
        [255, 152, 150],
        [214, 39, 40],
        [197, 176, 213],
        [148, 103, 189],
        [196, 156, 148],
        [247, 182, 20],
        [23, 190, 207],
        [227, 119, 194],
    ],
)
train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadMultiTaskAnnotations'),
    dict(type='MultiTaskRandomScale', ratio_range=(1.0, 1.4)),
    # The size of the rooms, so that a model is validated at the size it was
    # trained at: DeMT's offsets belong to one.
    dict(type='MultiTaskRandomCrop', crop_size=(96, 128), cat_max_ratio=0.75),
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
        metainfo=metainfo,
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
        metainfo=metainfo,
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
# has pixelF instead.
test_evaluator = dict(
    type='MultiTaskEvaluator',
    metrics=[
        *val_evaluator['metrics'],
        dict(type='BoundaryMetric', max_dist=0.011),
    ],
)
