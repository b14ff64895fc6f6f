# What SCA-MTL predicts on PASCAL-Context: saliency as one sigmoid channel,
# weights of MTI-Net's five tasks.
task_outputs = dict(
    semseg=dict(
        out_channels=21, weight=1.0, loss=dict(type='SegCrossEntropyLoss')
    ),
    human_parts=dict(
        out_channels=7, weight=2.0, loss=dict(type='SegCrossEntropyLoss')
    ),
    saliency=dict(
        out_channels=1, weight=5.0, loss=dict(type='BalancedSaliencyLoss')
    ),
    normals=dict(
        weight=10.0, loss=dict(type='NormalsL1Loss', average='elements')
    ),
    edge=dict(
        weight=50.0, loss=dict(type='BalancedEdgeLoss', pos_weight=0.95)
    ),
)
