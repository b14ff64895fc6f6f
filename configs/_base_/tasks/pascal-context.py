# What a head predicts on PASCAL-Context, and the weights of the literature.
task_outputs = dict(
    semseg=dict(out_channels=21, loss=dict(type='SegCrossEntropyLoss')),
    human_parts=dict(out_channels=7, loss=dict(type='SegCrossEntropyLoss')),
    saliency=dict(out_channels=2, loss=dict(type='BalancedSaliencyLoss')),
    normals=dict(loss=dict(type='NormalsL1Loss')),
    edge=dict(loss=dict(type='BalancedEdgeLoss', pos_weight=0.95)),
)
loss_weighting = dict(
    type='FixedWeighting',
    weights=dict(
        semseg=1.0, human_parts=2.0, saliency=5.0, normals=10.0, edge=50.0
    ),
)
