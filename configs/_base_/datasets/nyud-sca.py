# NYUDv2 by the recipe of SCA-MTL (and MTI-Net): whole views at 480x640, in
# training enlarged about their centre. Evaluated at the original size.
_base_ = './nyud.py'
tasks = ['semseg', 'depth']
input_size = (480, 640)
train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadMultiTaskAnnotations'),
    dict(type='MultiTaskRandomFlip', prob=0.5),
    dict(type='MultiTaskRandomScaleRotate', scales=[1.0, 1.2, 1.5]),
    dict(type='MultiTaskResize', size=input_size),
    dict(type='PackMultiTaskInputs'),
]
# The labels keep their size: they are read after the resizing, and
# predictions go back to the original size.
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='MultiTaskResize', size=input_size),
    dict(type='LoadMultiTaskAnnotations'),
    dict(type='PackMultiTaskInputs'),
]
tta_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(
        type='TestTimeAug',
        transforms=[
            [dict(type='MultiTaskResize', size=input_size)],
            [
                dict(type='MultiTaskRandomFlip', prob=0.0),
                dict(type='MultiTaskRandomFlip', prob=1.0),
            ],
            [dict(type='LoadMultiTaskAnnotations')],
            [dict(type='PackMultiTaskInputs')],
        ],
    ),
]
# The authors' batch on one device; on N devices 10 / N each.
train_dataloader = dict(
    batch_size=10,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(tasks=tasks, pipeline=train_pipeline),
)
val_dataloader = dict(dataset=dict(tasks=tasks, pipeline=test_pipeline))
test_dataloader = val_dataloader
val_evaluator = dict(
    metrics=[dict(type='SegmentationMetric'), dict(type='DepthErrorMetric')]
)
test_evaluator = val_evaluator
