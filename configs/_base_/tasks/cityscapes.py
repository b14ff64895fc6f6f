# What a head predicts on Cityscapes. Weights of our own: street depth, in
# metres, has errors ten times as large as the cross entropy.
task_outputs = dict(
    semseg=dict(out_channels=19, loss=dict(type='SegCrossEntropyLoss')),
    depth=dict(loss=dict(type='DepthL1Loss')),
)
loss_weighting = dict(
    type='FixedWeighting', weights=dict(semseg=1.0, depth=0.1)
)
