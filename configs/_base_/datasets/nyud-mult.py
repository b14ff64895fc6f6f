# NYUDv2 with the transforms of MulT, on the 425x560 of the benchmarks. Its
# window of 464x464 has more rows, so the crop keeps all of them. Tested on
# whole views, like other methods. nyud-full-frame.py has MulT's windows.
_base_ = './nyud.py'
train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadMultiTaskAnnotations'),
    dict(type='MultiTaskRandomRotate', degrees=2.5, prob=1.0),
    dict(type='MultiTaskRandomCrop', crop_size=(425, 464)),
    dict(type='MultiTaskRandomFlip', prob=0.5),
    dict(type='MultiTaskColourJitter'),
    dict(type='MultiTaskChannelPermutation'),
    dict(type='PackMultiTaskInputs'),
]
# The recipe has 2 processes.
train_dataloader = dict(batch_size=4, dataset=dict(pipeline=train_pipeline))
