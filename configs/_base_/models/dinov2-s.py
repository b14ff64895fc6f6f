# DINOv2 ViT-S/14 (Apache 2.0); the leaf config adds head and tasks. Tapped
# after blocks 3, 6, 9 and 12, of which the neck makes strides 3.5, 7, 14 and
# 28. Images are padded to multiples of a patch; the position embedding, made
# for 518x518, is resized to them.
norm_cfg = dict(type='SyncBN', requires_grad=True)
checkpoint = 'https://download.openmmlab.com/mmpretrain/v1.0/dinov2/vit-small-p14_dinov2-pre_3rdparty_20230426-5641ca5a.pth'
model = dict(
    type='MultiTaskSegmentor',
    data_preprocessor=dict(
        type='MultiTaskDataPreprocessor',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True,
        size_divisor=14,
    ),
    backbone=dict(
        type='mmpretrain.VisionTransformer',
        arch='dinov2-small',
        img_size=518,
        patch_size=14,
        layer_scale_init_value=1e-5,
        out_type='featmap',
        out_indices=[2, 5, 8, 11],
        init_cfg=dict(
            type='Pretrained', prefix='backbone.', checkpoint=checkpoint
        ),
    ),
    neck=dict(type='Feature2Pyramid', embed_dim=384, norm_cfg=norm_cfg),
    test_cfg=dict(mode='whole'),
)
