# What MulT predicts on PASCAL-Context; it learns the weights.
task_outputs = dict(
    semseg=dict(out_channels=21, loss=dict(type='SegCrossEntropyLoss')),
    human_parts=dict(out_channels=7, loss=dict(type='SegCrossEntropyLoss')),
    saliency=dict(out_channels=2, loss=dict(type='BalancedSaliencyLoss')),
    normals=dict(loss=dict(type='NormalsL1Loss')),
    edge=dict(loss=dict(type='BalancedEdgeLoss', pos_weight=0.95)),
)
