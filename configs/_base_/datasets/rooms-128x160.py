# Twice as many rendered rooms as rooms.py, and larger ones:
# python tools/dataset_converters/rooms.py data/rooms-128x160 --layout nyud
#     --num-train 640 --num-val 48 --size 128 160 --seed 0
_base_ = './rooms.py'
data_root = 'data/rooms-128x160'
rendered = dict(num_train=640, num_val=48, size=(128, 160))
train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadMultiTaskAnnotations'),
    dict(type='MultiTaskRandomScale', ratio_range=(1.0, 1.4)),
    # The size of the rooms, so that a model is validated at the size it was
    # trained at: DeMT's offsets belong to one.
    dict(
        type='MultiTaskRandomCrop',
        crop_size=rendered['size'],
        cat_max_ratio=0.75,
    ),
    dict(type='MultiTaskRandomFlip', prob=0.5),
    dict(type='MultiTaskPhotoMetricDistortion'),
    dict(type='MultiTaskCenteredPad'),
    dict(type='PackMultiTaskInputs'),
]
train_dataloader = dict(
    dataset=dict(data_root=data_root, pipeline=train_pipeline)
)
val_dataloader = dict(dataset=dict(data_root=data_root))
test_dataloader = val_dataloader
