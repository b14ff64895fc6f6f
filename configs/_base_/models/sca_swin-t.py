# SCA-MTL on Swin-T; the leaf config adds the tasks. The task features have
# the widths that they have on HRNet18: each level is projected to them.
norm_cfg = dict(type='SyncBN', requires_grad=True)
# ImageNet-1K, mmsegmentation's conversion of the official file.
checkpoint = 'https://download.openmmlab.com/mmsegmentation/v0.5/pretrain/swin/swin_tiny_patch4_window7_224_20220317-1cdeb081.pth'
model = dict(
    type='MultiTaskSegmentor',
    data_preprocessor=dict(
        type='MultiTaskDataPreprocessor',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True,
    ),
    backbone=dict(
        type='SwinTransformer',
        embed_dims=96,
        depths=[2, 2, 6, 2],
        num_heads=[3, 6, 12, 24],
        window_size=7,
        drop_path_rate=0.1,
        init_cfg=dict(type='Pretrained', checkpoint=checkpoint),
    ),
    neck=dict(
        type='WindowSelfAttention',
        in_channels=[96, 192, 384, 768],
        window_size=7,
        num_heads=6,
        depth=2,
        drop_path_rate=0.2,
        concat=True,
    ),
    decode_head=dict(
        type='SequentialCrossAttentionHead',
        in_channels=[192, 384, 768, 1536],
        channels=[36, 72, 144, 288],
        norm_cfg=norm_cfg,
    ),
    # The authors store their class maps resized like this.
    test_cfg=dict(mode='whole', class_resize='nearest'),
)
