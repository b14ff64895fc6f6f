# What SCA-MTL predicts on NYUDv2: the authors' two tasks and weights.
task_outputs = dict(
    semseg=dict(
        out_channels=40, weight=1.44, loss=dict(type='SegCrossEntropyLoss')
    ),
    depth=dict(weight=1.15, loss=dict(type='DepthL1Loss')),
)
