# One FCN per task on ViT-B/16 from MAE. Total batch 8. One GPU:
# train_dataloader.batch_size=8.
_base_ = [
    '../_base_/models/mae-vit-b.py',
    '../_base_/tasks/nyud.py',
    '../_base_/datasets/nyud.py',
    '../_base_/schedules/schedule_40k-layer-decay.py',
    '../_base_/default_runtime.py',
]
model = dict(
    decode_head=dict(
        type='PerTaskHeads',
        in_channels=[768, 768, 768, 768],
        channels=96,
        norm_cfg={{_base_.norm_cfg}},
    ),
)
