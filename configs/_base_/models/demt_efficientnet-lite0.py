# DeMT on EfficientNet-Lite0, half as wide as on Swin: at 256 a step takes
# twice the time. The leaf config adds the tasks.
_base_ = './efficientnet-lite0.py'
norm_cfg = dict(type='SyncBN', requires_grad=True)
model = dict(
    type='MultiTaskSegmentor',
    data_preprocessor={{_base_.lite0_preprocessor}},
    backbone={{_base_.lite0_backbone}},
    neck=[
        {{_base_.lite0_projection}},
        dict(
            type='DeformableMixer',
            in_channels=[24, 48, 96, 192],
            channels=128,
            depth=1,
            norm_cfg=norm_cfg,
        ),
    ],
    decode_head=dict(
        type='TaskQueryHead',
        channels=128,
        bottleneck_channels=64,
        num_heads=4,
        attn_scope='sample',
        norm_cfg=norm_cfg,
    ),
    test_cfg=dict(mode='whole'),
)
