# The authors' recipe: total batch 8 (1 on each of 8 processes), 40k
# iterations, SGD 1e-3. On one GPU: train_dataloader.batch_size=8.
_base_ = [
    '../_base_/models/demt_swin-t.py',
    '../_base_/datasets/pascal-context.py',
    '../_base_/schedules/schedule_40k.py',
    '../_base_/default_runtime.py',
]
model = dict(
    neck=dict(tasks={{_base_.tasks}}),
    decode_head=dict(
        tasks=dict(
            semseg=dict(
                out_channels=21, loss=dict(type='SegCrossEntropyLoss')
            ),
            human_parts=dict(
                out_channels=7, loss=dict(type='SegCrossEntropyLoss')
            ),
            saliency=dict(
                out_channels=2, loss=dict(type='BalancedSaliencyLoss')
            ),
            normals=dict(loss=dict(type='NormalsL1Loss')),
            edge=dict(loss=dict(type='BalancedEdgeLoss', pos_weight=0.95)),
        )
    ),
    loss_weighting=dict(
        type='FixedWeighting',
        weights=dict(
            semseg=1.0,
            human_parts=2.0,
            saliency=5.0,
            normals=10.0,
            edge=50.0,
        ),
    ),
)
