# What a head predicts on rendered rooms.
task_outputs = dict(
    semseg=dict(
        out_channels=15, weight=1.0, loss=dict(type='SegCrossEntropyLoss')
    ),
    # The last layer starts at the mean depth of rendered rooms, in metres: a
    # run of 240 steps is too short to learn it.
    depth=dict(initial_bias=3.4, weight=1.0, loss=dict(type='DepthL1Loss')),
    normals=dict(weight=1.0, loss=dict(type='NormalsL1Loss')),
    edge=dict(weight=5.0, loss=dict(type='BalancedEdgeLoss', pos_weight=0.8)),
)
