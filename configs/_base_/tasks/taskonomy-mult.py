# What MulT predicts on Taskonomy; it learns the weights.
task_outputs = dict(
    semseg=dict(out_channels=17, loss=dict(type='SegCrossEntropyLoss')),
    depth=dict(loss=dict(type='DepthRotateLoss')),
    normals=dict(loss=dict(type='NormalsL1Loss')),
    # Maps in 0..1: sigmoids.
    reshading=dict(max_value=1.0, loss=dict(type='HeatMapL1Loss')),
    keypoints2d=dict(max_value=1.0, loss=dict(type='HeatMapL1Loss')),
    edges2d=dict(max_value=1.0, loss=dict(type='HeatMapL1Loss')),
)
