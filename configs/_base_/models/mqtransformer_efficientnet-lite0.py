# MQTransformer on EfficientNet-Lite0, half as wide as on Swin. The leaf config
# adds the tasks.
_base_ = './efficientnet-lite0.py'
norm_cfg = dict(type='SyncBN', requires_grad=True)
model = dict(
    type='MultiTaskSegmentor',
    data_preprocessor={{_base_.lite0_preprocessor}},
    backbone={{_base_.lite0_backbone}},
    neck=[{{_base_.lite0_projection}}],
    decode_head=dict(
        type='MultiQueryHead',
        in_channels=[24, 48, 96, 192],
        channels=128,
        num_queries=64,
        num_heads=4,
        depth=1,
        bottleneck_channels=64,
        attn_scope='sample',
        residual='released',
        norm_cfg=norm_cfg,
    ),
    test_cfg=dict(mode='whole'),
)
