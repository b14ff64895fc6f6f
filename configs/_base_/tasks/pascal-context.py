# What a head predicts on PASCAL-Context, with the losses and weights of the
# literature.
task_outputs = dict(
    semseg=dict(
        out_channels=21, weight=1.0, loss=dict(type='SegCrossEntropyLoss')
    ),
    human_parts=dict(
        out_channels=7, weight=2.0, loss=dict(type='SegCrossEntropyLoss')
    ),
    saliency=dict(
        out_channels=2, weight=5.0, loss=dict(type='BalancedSaliencyLoss')
    ),
    normals=dict(weight=10.0, loss=dict(type='NormalsL1Loss')),
    edge=dict(
        weight=50.0, loss=dict(type='BalancedEdgeLoss', pos_weight=0.95)
    ),
)
