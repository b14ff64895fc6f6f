# What a head predicts on NYUDv2, and the losses' weights of the literature.
task_outputs = dict(
    semseg=dict(out_channels=40, loss=dict(type='SegCrossEntropyLoss')),
    depth=dict(loss=dict(type='DepthL1Loss')),
    normals=dict(loss=dict(type='NormalsL1Loss')),
    edge=dict(loss=dict(type='BalancedEdgeLoss', pos_weight=0.8)),
)
loss_weighting = dict(
    type='FixedWeighting',
    weights=dict(semseg=1.0, depth=1.0, normals=10.0, edge=50.0),
)
