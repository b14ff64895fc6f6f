# What MulT predicts on rendered rooms in Taskonomy's layout: its losses, with
# learned weights.
task_outputs = dict(
    semseg=dict(out_channels=15, loss=dict(type='SegCrossEntropyLoss')),
    # As in rooms.py: the mean depth of rendered rooms in metres.
    depth=dict(initial_bias=3.4, loss=dict(type='DepthRotateLoss')),
    normals=dict(loss=dict(type='NormalsL1Loss')),
    # Sigmoids that start at the medians of these maps, where an L1 loss goes
    # first: 0.65, 0.003 and 0.16.
    reshading=dict(
        max_value=1.0, initial_bias=0.6, loss=dict(type='HeatMapL1Loss')
    ),
    keypoints2d=dict(
        max_value=1.0, initial_bias=-5.8, loss=dict(type='HeatMapL1Loss')
    ),
    edges2d=dict(
        max_value=1.0, initial_bias=-1.7, loss=dict(type='HeatMapL1Loss')
    ),
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
