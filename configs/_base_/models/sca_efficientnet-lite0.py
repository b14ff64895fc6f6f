# SCA-MTL on EfficientNet-Lite0; the leaf config adds the tasks. The task
# features have the projected widths.
_base_ = './efficientnet-lite0.py'
norm_cfg = dict(type='SyncBN', requires_grad=True)
model = dict(
    type='MultiTaskSegmentor',
    data_preprocessor={{_base_.lite0_preprocessor}},
    backbone={{_base_.lite0_backbone}},
    neck=[
        {{_base_.lite0_projection}},
        dict(
            type='WindowSelfAttention',
            in_channels=[24, 48, 96, 192],
            window_size=7,
            num_heads=6,
            depth=2,
            drop_path_rate=0.2,
            concat=True,
        ),
    ],
    decode_head=dict(
        type='SequentialCrossAttentionHead',
        in_channels=[48, 96, 192, 384],
        channels=[24, 48, 96, 192],
        norm_cfg=norm_cfg,
    ),
    # The authors store their class maps resized like this.
    test_cfg=dict(mode='whole', class_resize='nearest'),
)
