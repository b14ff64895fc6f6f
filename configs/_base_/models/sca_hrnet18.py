# SCA-MTL on HRNetV2-W18-Small; the leaf config adds the tasks.
_base_ = './hrnet18-small.py'
norm_cfg = dict(type='SyncBN', requires_grad=True)
model = dict(
    type='MultiTaskSegmentor',
    data_preprocessor=dict(
        type='MultiTaskDataPreprocessor',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True,
    ),
    backbone=dict(
        type='HRNet',
        # The released HRNet's momentum.
        norm_cfg=dict(type='SyncBN', momentum=0.01, requires_grad=True),
        norm_eval=False,
        extra={{_base_.hrnet18_extra}},
        init_cfg=dict(
            type='Pretrained', checkpoint={{_base_.hrnet18_checkpoint}}
        ),
    ),
    neck=dict(
        type='WindowSelfAttention',
        in_channels=[18, 36, 72, 144],
        window_size=7,
        num_heads=6,
        depth=2,
        drop_path_rate=0.2,
        concat=True,
    ),
    decode_head=dict(
        type='SequentialCrossAttentionHead',
        in_channels=[36, 72, 144, 288],
        norm_cfg=norm_cfg,
    ),
    # The authors store their class maps resized like this.
    test_cfg=dict(mode='whole', class_resize='nearest'),
)
