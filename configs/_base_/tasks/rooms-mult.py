# What MulT predicts on rendered rooms in Taskonomy's layout: its losses, with
# learned weights.
task_outputs = dict(
    semseg=dict(out_channels=15, loss=dict(type='SegCrossEntropyLoss')),
    # As in rooms.py: the mean depth of rendered rooms in metres.
    depth=dict(initial_bias=3.4, loss=dict(type='DepthRotateLoss')),
    normals=dict(loss=dict(type='NormalsL1Loss')),
    # The medians of these maps, where an L1 loss goes first.
    reshading=dict(initial_bias=0.65, loss=dict(type='HeatMapL1Loss')),
    keypoints2d=dict(loss=dict(type='HeatMapL1Loss')),
    edges2d=dict(initial_bias=0.16, loss=dict(type='HeatMapL1Loss')),
)
loss_weighting = dict(
    type='UncertaintyWeighting',
    tasks=[
        'semseg',
        'depth',
        'normals',
        'reshading',
        'keypoints2d',
        'edges2d',
    ],
)
