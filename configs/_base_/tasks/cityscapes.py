# What a head predicts on Cityscapes. The weights are ours: street depth, in
# metres, has errors ten times as large as the cross entropy.
task_outputs = dict(
    semseg=dict(
        out_channels=19, weight=1.0, loss=dict(type='SegCrossEntropyLoss')
    ),
    depth=dict(weight=0.1, loss=dict(type='DepthL1Loss')),
)
