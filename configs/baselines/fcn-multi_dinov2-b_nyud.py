# One FCN per task on DINOv2 ViT-B/14. Total batch 8. One GPU:
# train_dataloader.batch_size=8.
_base_ = [
    '../_base_/models/dinov2-b.py',
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
