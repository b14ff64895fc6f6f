# Rendered rooms of wide variety with the labels of nine tasks:
# python tools/dataset_converters/rooms.py data/rooms-varied --varied
#     --layout all_tasks --num-train 8000 --num-val 300 --size 192 256 --seed 7
_base_ = './rooms.py'
dataset_type = 'FolderDataset'
data_root = 'data/rooms-varied'
rendered = dict(num_train=8000, num_val=300, size=(192, 256))
tasks = [
    'semseg',
    'depth',
    'normals',
    'edge',
    'saliency',
    'human_parts',
    'reshading',
    'keypoints2d',
    'edges2d',
]
# No change of size or colour: key points and edges are functions of the
# picture's grey levels. The renderer varies both.
train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadMultiTaskAnnotations'),
    dict(type='MultiTaskRandomCrop', crop_size=(144, 192)),
    dict(type='MultiTaskRandomFlip', prob=0.5),
    dict(type='PackMultiTaskInputs'),
]
# Photographs of any size come down to about the pixels of the training.
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(
        type='Resize',
        scale=(320, 208),
        keep_ratio=True,
        interpolation='area',
    ),
    dict(type='LoadMultiTaskAnnotations'),
    dict(type='PackMultiTaskInputs'),
]
rooms = dict(
    _delete_=True,
    type=dataset_type,
    data_root=data_root,
    tasks=tasks,
    image='image/{}.png',
    labels=dict(
        semseg='semseg/{}.png',
        depth=dict(path='depth/{}.png', scale=0.001),
        normals='normals/{}.png',
        edge='edge/{}.png',
        saliency='saliency/{}.png',
        human_parts='human_parts/{}.png',
        reshading=dict(path='reshading/{}.png', scale=1 / 65535),
        keypoints2d=dict(path='keypoints2d/{}.png', scale=1 / 65535),
        edges2d=dict(path='edges2d/{}.png', scale=1 / 65535),
    ),
    classes=dict(
        semseg={{_base_.metainfo.classes}},
        human_parts=[
            'background',
            'head',
            'torso',
            'upper arm',
            'lower arm',
            'upper leg',
            'lower leg',
        ],
    ),
    palettes=dict(semseg={{_base_.metainfo.palette}}),
    splits=dict(train='train.txt', val='val.txt'),
)
train_dataloader = dict(
    batch_size=8,
    dataset=dict(split='train', pipeline=train_pipeline, **rooms),
)
val_dataloader = dict(
    dataset=dict(split='val', pipeline=test_pipeline, **rooms),
)
test_dataloader = val_dataloader
val_evaluator = dict(
    type='MultiTaskEvaluator',
    metrics=[
        dict(type='SegmentationMetric'),
        dict(type='DepthErrorMetric'),
        dict(type='NormalsMetric'),
        dict(type='PixelEdgeMetric'),
        dict(type='SaliencyMetric'),
        dict(type='SegmentationMetric', task='human_parts'),
        dict(type='HeatMapMetric', task='reshading'),
        dict(type='HeatMapMetric', task='keypoints2d'),
        dict(type='HeatMapMetric', task='edges2d'),
    ],
)
test_evaluator = dict(
    type='MultiTaskEvaluator',
    metrics=[
        *val_evaluator['metrics'],
        dict(type='BoundaryMetric', max_dist=0.011),
    ],
)
