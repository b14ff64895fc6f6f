# DeMT on SegFormer's MiT-B2. Total batch 8. One GPU:
# train_dataloader.batch_size=8.
_base_ = [
    '../_base_/models/mit-b2.py',
    '../_base_/tasks/nyud.py',
    '../_base_/datasets/nyud.py',
    '../_base_/schedules/schedule_40k-adamw.py',
    '../_base_/default_runtime.py',
]
model = dict(
    neck=dict(
        type='DeformableMixer',
        in_channels=[64, 128, 320, 512],
        channels=256,
        depth=1,
        norm_cfg={{_base_.norm_cfg}},
    ),
    decode_head=dict(
        type='TaskQueryHead',
        channels=256,
        bottleneck_channels=128,  # 1024 / 8
        num_heads=4,
        attn_scope='sample',
        norm_cfg={{_base_.norm_cfg}},
    ),
)
