# One FCN per task on EfficientNet-Lite0; the leaf config adds the tasks.
_base_ = './efficientnet-lite0.py'
model = dict(
    type='MultiTaskSegmentor',
    data_preprocessor={{_base_.lite0_preprocessor}},
    backbone={{_base_.lite0_backbone}},
    neck=[{{_base_.lite0_projection}}],
    decode_head=dict(
        type='PerTaskHeads',
        in_channels=[24, 48, 96, 192],
        channels=90,  # 360 / 4
        norm_cfg=dict(type='SyncBN', requires_grad=True),
    ),
    test_cfg=dict(mode='whole'),
)
