# What SCA-MTL predicts on PASCAL-Context: saliency as one sigmoid channel,
# weights of MTI-Net's five tasks.
task_outputs = dict(
    semseg=dict(out_channels=21, loss=dict(type='SegCrossEntropyLoss')),
    human_parts=dict(out_channels=7, loss=dict(type='SegCrossEntropyLoss')),
    saliency=dict(out_channels=1, loss=dict(type='BalancedSaliencyLoss')),
    normals=dict(loss=dict(type='NormalsL1Loss', average='elements')),
    edge=dict(loss=dict(type='BalancedEdgeLoss', pos_weight=0.95)),
)
loss_weighting = dict(
    type='FixedWeighting',
    weights=dict(
        semseg=1.0, human_parts=2.0, saliency=5.0, normals=10.0, edge=50.0
    ),
)
