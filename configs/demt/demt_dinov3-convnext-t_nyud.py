# DeMT on DINOv3 ConvNeXt-T. Total batch 8. One GPU:
# train_dataloader.batch_size=8.
_base_ = [
    '../_base_/models/dinov3-convnext-t.py',
    '../_base_/tasks/nyud.py',
    '../_base_/datasets/nyud.py',
    '../_base_/schedules/schedule_40k-adamw.py',
    '../_base_/default_runtime.py',
]
model = dict(
    neck=dict(
        type='DeformableMixer',
        in_channels=[96, 192, 384, 768],
        channels=256,
        depth=1,
        norm_cfg={{_base_.norm_cfg}},
    ),
    decode_head=dict(
        type='TaskQueryHead',
        channels=256,
        bottleneck_channels=180,  # 1440 / 8
        num_heads=4,
        attn_scope='sample',
        norm_cfg={{_base_.norm_cfg}},
    ),
)
