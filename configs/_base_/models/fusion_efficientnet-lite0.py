# One fine map of EfficientNet-Lite0 that all tasks share, and a 3x3
# convolution per task on it: with nine tasks a step takes two thirds of the
# time of fcn_efficientnet-lite0.py, whose convolutions see the whole pyramid.
# The leaf config adds the tasks.
_base_ = './efficientnet-lite0.py'
norm_cfg = dict(type='SyncBN', requires_grad=True)
model = dict(
    type='MultiTaskSegmentor',
    data_preprocessor={{_base_.lite0_preprocessor}},
    backbone={{_base_.lite0_backbone}},
    neck=dict(
        type='PyramidFusion',
        in_channels=[24, 40, 112, 320],
        channels=96,
        norm_cfg=norm_cfg,
    ),
    decode_head=dict(
        type='PerTaskHeads',
        in_channels=[96],
        channels=48,
        norm_cfg=norm_cfg,
    ),
    test_cfg=dict(mode='whole'),
)
