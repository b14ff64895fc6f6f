# What the released forms of MulT predict on NYUDv2: 41 classes, of which 0,
# unlabelled, is never trained; depth up to 10 m; a plain sum of the losses.
task_outputs = dict(
    semseg=dict(
        out_channels=41,
        weight=1.0,
        loss=dict(type='SegCrossEntropyLoss', divide_by='all'),
    ),
    depth=dict(max_value=10.0, weight=1.0, loss=dict(type='DepthLogLoss')),
)
