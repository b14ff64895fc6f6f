# What MulT predicts on NYUDv2; it learns the weights. Boundaries are not among
# the paper's tasks.
task_outputs = dict(
    semseg=dict(out_channels=40, loss=dict(type='SegCrossEntropyLoss')),
    depth=dict(loss=dict(type='DepthRotateLoss')),
    normals=dict(loss=dict(type='NormalsL1Loss')),
    edge=dict(loss=dict(type='BalancedEdgeLoss', pos_weight=0.8)),
)
