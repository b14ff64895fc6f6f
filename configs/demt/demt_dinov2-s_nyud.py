# DeMT on DINOv2 ViT-S/14. Total batch 8. One GPU:
# train_dataloader.batch_size=8.
_base_ = [
    '../_base_/models/dinov2-s.py',
    '../_base_/tasks/nyud.py',
    '../_base_/datasets/nyud.py',
    '../_base_/schedules/schedule_40k-layer-decay.py',
    '../_base_/default_runtime.py',
]
model = dict(
    neck=[
        {{_base_.model.neck}},
        dict(
            type='DeformableMixer',
            in_channels=[384, 384, 384, 384],
            channels=256,
            depth=1,
            norm_cfg={{_base_.norm_cfg}},
        ),
    ],
    decode_head=dict(
        type='TaskQueryHead',
        channels=256,
        bottleneck_channels=192,  # 1536 / 8
        num_heads=4,
        attn_scope='sample',
        norm_cfg={{_base_.norm_cfg}},
    ),
)
