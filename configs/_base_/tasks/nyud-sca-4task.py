# What SCA-MTL predicts on NYUDv2 with more than its authors' two tasks:
# weights of MTI-Net, and so is the edges' pos_weight.
task_outputs = dict(
    semseg=dict(
        out_channels=40, weight=1.0, loss=dict(type='SegCrossEntropyLoss')
    ),
    normals=dict(
        weight=10.0, loss=dict(type='NormalsL1Loss', average='elements')
    ),
    edge=dict(
        weight=50.0, loss=dict(type='BalancedEdgeLoss', pos_weight=0.95)
    ),
    depth=dict(weight=1.0, loss=dict(type='DepthL1Loss')),
)
