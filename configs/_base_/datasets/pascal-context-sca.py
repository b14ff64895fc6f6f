# PASCAL-Context by the recipe of SCA-MTL (and MTI-Net): whole images at
# 512x512, in training rotated and scaled about their centre. Evaluated at the
# original size.
_base_ = './pascal-context.py'
input_size = (512, 512)
train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadMultiTaskAnnotations'),
    dict(type='MultiTaskRandomFlip', prob=0.5),
    # Black outside, as in the authors' code.
    dict(
        type='MultiTaskRandomScaleRotate',
        ratio_range=(0.75, 1.25),
        degrees=20,
        fill=(0, 0, 0),
    ),
    dict(type='MultiTaskResize', size=input_size),
    # After the warp, which may have moved people out of the picture.
    dict(type='IgnoreEmptyHumanParts'),
    dict(type='PackMultiTaskInputs'),
]
# The labels keep their size: they are read after the resizing, and
# predictions go back to the original size.
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='MultiTaskResize', size=input_size),
    dict(type='LoadMultiTaskAnnotations'),
    dict(type='IgnoreEmptyHumanParts'),
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
            [dict(type='IgnoreEmptyHumanParts')],
            [dict(type='PackMultiTaskInputs')],
        ],
    ),
]
# The authors' batch on one device; on N devices 16 / N each.
train_dataloader = dict(
    batch_size=16,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(pipeline=train_pipeline),
)
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
# Saliency is measured and compared as in the authors' figures.
val_evaluator = dict(
    metrics=[
        dict(type='SegmentationMetric'),
        dict(type='SegmentationMetric', task='human_parts'),
        dict(type='SaliencyMetric', protocol='mti-net-files'),
        dict(type='NormalsMetric'),
        dict(type='PixelEdgeMetric'),
    ],
    primary=dict(saliency='mIoU'),
)
test_evaluator = dict(
    metrics=[*val_evaluator['metrics'], *_base_.boundary_metrics],
    primary=val_evaluator['primary'],
)
