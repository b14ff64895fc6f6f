# NYUDv2 as the released code of MulT reads it: frames of 480x640
# (tools/dataset_converters/nyud.py with --full-frame), of which a box and in
# it a window of 464x464 are used, and 41 class ids, 0 for unlabelled. Depth
# is in-painted and scaled to the farthest measured depth in the box.
# Figures are not comparable with those of the benchmarks' 425x560.
_base_ = './nyud.py'
data_root = 'data/NYUv2-full'
tasks = ['semseg', 'depth']
window = (464, 464)
# Left, top, right, bottom.
box = (43, 8, 608, 472)
# Their last column is never in a window: it starts 0 to 100 pixels right of
# the box's left side, of 101 that there are.
window_range = (0, 0, 564, 464)
# Metres; labels are clipped there, and clipped labels do not count.
max_depth = 10.0
metainfo = dict(
    classes=[
        'unlabelled',
        'wall',
        'floor',
        'cabinet',
        'bed',
        'chair',
        'sofa',
        'table',
        'door',
        'window',
        'bookshelf',
        'picture',
        'counter',
        'blinds',
        'desk',
        'shelves',
        'curtain',
        'dresser',
        'pillow',
        'mirror',
        'floor mat',
        'clothes',
        'ceiling',
        'books',
        'refrigerator',
        'television',
        'paper',
        'towel',
        'shower curtain',
        'box',
        'whiteboard',
        'person',
        'night stand',
        'toilet',
        'sink',
        'lamp',
        'bathtub',
        'bag',
        'otherstructure',
        'otherfurniture',
        'otherprop',
    ],
    palette=[
        [0, 0, 0],
        [174, 199, 232],
        [152, 223, 138],
        [31, 119, 180],
        [255, 187, 120],
        [188, 189, 34],
        [140, 86, 75],
        [255, 152, 150],
        [214, 39, 40],
        [197, 176, 213],
        [148, 103, 189],
        [196, 156, 148],
        [23, 190, 207],
        [178, 76, 76],
        [247, 182, 210],
        [66, 188, 102],
        [219, 219, 141],
        [140, 57, 197],
        [202, 185, 52],
        [51, 176, 203],
        [200, 54, 131],
        [92, 193, 61],
        [78, 71, 183],
        [172, 114, 82],
        [255, 127, 14],
        [91, 163, 138],
        [153, 98, 156],
        [140, 153, 101],
        [158, 218, 229],
        [100, 125, 154],
        [178, 127, 135],
        [120, 185, 128],
        [146, 111, 194],
        [44, 160, 44],
        [112, 128, 144],
        [96, 207, 209],
        [227, 119, 194],
        [213, 92, 176],
        [94, 106, 211],
        [82, 84, 163],
        [100, 85, 144],
    ],
)
train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadMultiTaskAnnotations'),
    dict(type='LoadRawDepth'),
    dict(type='ShiftClassIds', offset=1),
    # The frame is rotated, black and without label outside, then cropped.
    dict(type='MultiTaskRandomRotate', degrees=2.5, prob=1.0, fill=(0, 0, 0)),
    dict(type='MultiTaskFixedCrop', box=box),
    dict(type='ScaleDepthToRaw', max_depth=max_depth),
    dict(type='MultiTaskFixedCrop', box=window_range),
    dict(type='MultiTaskRandomCrop', crop_size=window),
    dict(type='MultiTaskRandomFlip', prob=0.5),
    dict(type='MultiTaskColourJitter'),
    dict(type='MultiTaskChannelPermutation'),
    dict(type='PackMultiTaskInputs'),
]
# The network sees the window in the middle of the box; what lies outside does
# not count.
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='MultiTaskFixedCrop', box=box),
    dict(type='MultiTaskFixedCrop', size=window),
    dict(type='LoadMultiTaskAnnotations'),
    dict(type='LoadRawDepth'),
    dict(type='ScaleDepthToRaw', max_depth=max_depth, box=box),
    dict(type='ShiftClassIds', offset=1),
    dict(type='IgnoreOutsideCrop'),
    dict(type='PackMultiTaskInputs'),
]
# The authors' test averages the two views: --tta.
tta_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(
        type='TestTimeAug',
        transforms=[
            [dict(type='MultiTaskFixedCrop', box=box)],
            [dict(type='MultiTaskFixedCrop', size=window)],
            [
                dict(type='MultiTaskRandomFlip', prob=0.0),
                dict(type='MultiTaskRandomFlip', prob=1.0),
            ],
            [dict(type='LoadMultiTaskAnnotations')],
            [dict(type='LoadRawDepth')],
            [dict(type='ScaleDepthToRaw', max_depth=max_depth, box=box)],
            [dict(type='ShiftClassIds', offset=1)],
            [dict(type='IgnoreOutsideCrop')],
            [dict(type='PackMultiTaskInputs')],
        ],
    ),
]
# The recipe has 2 processes.
train_dataloader = dict(
    batch_size=4,
    dataset=dict(
        data_root=data_root,
        tasks=tasks,
        metainfo=metainfo,
        pipeline=train_pipeline,
    ),
)
val_dataloader = dict(
    dataset=dict(
        data_root=data_root,
        tasks=tasks,
        metainfo=metainfo,
        pipeline=test_pipeline,
    )
)
test_dataloader = val_dataloader
val_evaluator = dict(
    metrics=[
        # Class 0 is never a label: without predictions of it, it has no IoU.
        dict(type='SegmentationMetric', empty_classes='skip'),
        # The authors' 1 mm to 10 m: no label is nearer, and 10 m times a
        # sigmoid is never farther.
        dict(type='DepthErrorMetric', average='images', max_depth=max_depth),
    ]
)
test_evaluator = val_evaluator
