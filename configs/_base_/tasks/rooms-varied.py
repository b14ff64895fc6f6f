# What a head predicts on rendered rooms of all nine tasks. The weights bring
# the losses of a trained model to about the same size.
task_outputs = dict(
    semseg=dict(weight=1.0, loss=dict(type='SegCrossEntropyLoss')),
    depth=dict(initial_bias=3.4, weight=1.0, loss=dict(type='DepthL1Loss')),
    normals=dict(weight=1.0, loss=dict(type='NormalsL1Loss')),
    edge=dict(weight=5.0, loss=dict(type='BalancedEdgeLoss', pos_weight=0.8)),
    saliency=dict(
        out_channels=2, weight=1.0, loss=dict(type='BalancedSaliencyLoss')
    ),
    human_parts=dict(weight=2.0, loss=dict(type='SegCrossEntropyLoss')),
    reshading=dict(
        initial_bias=0.65, weight=5.0, loss=dict(type='HeatMapL1Loss')
    ),
    keypoints2d=dict(weight=5.0, loss=dict(type='HeatMapL1Loss')),
    edges2d=dict(weight=5.0, loss=dict(type='HeatMapL1Loss')),
)
