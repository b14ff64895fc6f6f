# Rendered rooms in Taskonomy's layout:
# python tools/dataset_converters/rooms.py data/rooms-taskonomy
#     --layout taskonomy --num-train 320 --num-val 48 --size 96 128 --seed 0
_base_ = './taskonomy.py'
# What tools/demo.py renders.
rendered = dict(num_train=320, num_val=48, size=(96, 128))
dataset = dict(
    data_root='data/rooms-taskonomy',
    split_root=None,
    # The classes of the renderer, stored as 1, 2, ... (0 is unlabelled).
    metainfo=dict(
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
    ),
)
train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadMultiTaskAnnotations'),
    dict(type='MultiTaskRandomFlip', prob=0.5),
    dict(type='PackMultiTaskInputs'),
]
train_dataloader = dict(
    num_workers=2, dataset=dict(**dataset, pipeline=train_pipeline)
)
val_dataloader = dict(num_workers=2, dataset=dataset)
test_dataloader = dict(num_workers=2, dataset=dict(**dataset, split='val'))
