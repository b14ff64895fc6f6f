# What SCA-MTL predicts on NYUDv2. The authors' tasks are semseg and depth,
# with the weights of sca_hrnet18_nyud.py; those of all four tasks are
# MTI-Net's, and so is the edges' weight.
task_outputs = dict(
    semseg=dict(out_channels=40, loss=dict(type='SegCrossEntropyLoss')),
    normals=dict(loss=dict(type='NormalsL1Loss', average='elements')),
    edge=dict(loss=dict(type='BalancedEdgeLoss', pos_weight=0.95)),
    depth=dict(loss=dict(type='DepthL1Loss')),
)
loss_weighting = dict(
    type='FixedWeighting',
    weights=dict(semseg=1.0, normals=10.0, edge=50.0, depth=1.0),
)
