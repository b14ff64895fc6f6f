# MulT on Swin-T; the leaf config adds the tasks.
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
        drop_path_rate=0.2,
        init_cfg=dict(type='Pretrained', checkpoint=checkpoint),
    ),
    decode_head=dict(
        type='SharedAttentionHead',
        in_channels=[96, 192, 384, 768],
        num_heads=[3, 6, 12, 24],
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
