# PASCAL-Context with the transforms that MulT has for NYUDv2. Images are at
# most 500x500; smaller ones are padded to the window.
_base_ = './pascal-context.py'
train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadMultiTaskAnnotations'),
    dict(type='MultiTaskRandomRotate', degrees=2.5, prob=1.0),
    dict(type='MultiTaskRandomCrop', crop_size=(464, 464)),
    dict(type='MultiTaskRandomFlip', prob=0.5),
    dict(type='MultiTaskColourJitter'),
    dict(type='MultiTaskChannelPermutation'),
    dict(type='MultiTaskCenteredPad'),
    # After the crop, which may have cut people off.
    dict(type='IgnoreEmptyHumanParts'),
    dict(type='PackMultiTaskInputs'),
]
# The recipe has 2 processes.
train_dataloader = dict(batch_size=4, dataset=dict(pipeline=train_pipeline))
