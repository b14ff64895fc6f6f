# What a head predicts on Taskonomy. Weights of our own: all losses but the
# cross entropy are absolute errors, of metres and of shares of 1.
task_outputs = dict(
    semseg=dict(out_channels=17, loss=dict(type='SegCrossEntropyLoss')),
    depth=dict(loss=dict(type='DepthL1Loss')),
    normals=dict(loss=dict(type='NormalsL1Loss')),
    reshading=dict(loss=dict(type='HeatMapL1Loss')),
    keypoints2d=dict(loss=dict(type='HeatMapL1Loss')),
    edges2d=dict(loss=dict(type='HeatMapL1Loss')),
)
loss_weighting = dict(
    type='FixedWeighting',
    weights=dict(
        semseg=1.0,
        depth=1.0,
        normals=1.0,
        reshading=5.0,
        keypoints2d=5.0,
        edges2d=5.0,
    ),
)
