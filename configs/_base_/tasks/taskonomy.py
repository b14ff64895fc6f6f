# What a head predicts on Taskonomy. The weights are ours: all losses but the
# cross entropy are absolute errors, of metres and of shares of 1.
task_outputs = dict(
    semseg=dict(
        out_channels=17, weight=1.0, loss=dict(type='SegCrossEntropyLoss')
    ),
    depth=dict(weight=1.0, loss=dict(type='DepthL1Loss')),
    normals=dict(weight=1.0, loss=dict(type='NormalsL1Loss')),
    reshading=dict(weight=5.0, loss=dict(type='HeatMapL1Loss')),
    keypoints2d=dict(weight=5.0, loss=dict(type='HeatMapL1Loss')),
    edges2d=dict(weight=5.0, loss=dict(type='HeatMapL1Loss')),
)
