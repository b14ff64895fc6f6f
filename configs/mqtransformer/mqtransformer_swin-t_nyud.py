# The authors' recipe: total batch 8 (1 on each of 8 processes), 40k
# iterations, SGD 1e-3. On one GPU: train_dataloader.batch_size=8.
_base_ = [
    '../_base_/models/mqtransformer_swin-t.py',
    '../_base_/datasets/nyud.py',
    '../_base_/schedules/schedule_40k.py',
    '../_base_/default_runtime.py',
]
model = dict(
    decode_head=dict(
        tasks=dict(
            semseg=dict(
                out_channels=40, loss=dict(type='SegCrossEntropyLoss')
            ),
            depth=dict(loss=dict(type='DepthL1Loss')),
            normals=dict(loss=dict(type='NormalsL1Loss')),
            edge=dict(loss=dict(type='BalancedEdgeLoss', pos_weight=0.8)),
        )
    ),
    loss_weighting=dict(
        type='FixedWeighting',
        weights=dict(semseg=1.0, depth=1.0, normals=10.0, edge=50.0),
    ),
)
