# What a head predicts on NYUDv2, with the losses and weights of the
# literature.
task_outputs = dict(
    semseg=dict(
        out_channels=40, weight=1.0, loss=dict(type='SegCrossEntropyLoss')
    ),
    depth=dict(weight=1.0, loss=dict(type='DepthL1Loss')),
    normals=dict(weight=10.0, loss=dict(type='NormalsL1Loss')),
    edge=dict(weight=50.0, loss=dict(type='BalancedEdgeLoss', pos_weight=0.8)),
)
