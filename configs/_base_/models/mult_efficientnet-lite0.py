# MulT on EfficientNet-Lite0; the leaf config adds the tasks.
_base_ = './efficientnet-lite0.py'
model = dict(
    type='MultiTaskSegmentor',
    data_preprocessor={{_base_.lite0_preprocessor}},
    backbone={{_base_.lite0_backbone}},
    neck=[{{_base_.lite0_projection}}],
    decode_head=dict(
        type='SharedAttentionHead',
        in_channels=[24, 48, 96, 192],
        num_heads=[1, 2, 4, 8],
        # The paper's stage; README.md names the others.
        blocks=('private', 'shared_skip'),
        window_size=7,
        mlp_ratio=4,
        drop_path_rate=0.2,
    ),
    # Taken to be the paper's; the weights beside the losses do not count.
    loss_weighting=dict(type='UncertaintyWeighting'),
    test_cfg=dict(mode='whole'),
)
