# DINOv3 ViT-S/16 of timm (DINOv3 License, which has terms of its own); the
# leaf config adds head and tasks. Tapped after blocks 3, 6, 9 and 12, of
# which the neck makes strides 4, 8, 16 and 32. Images are padded to multiples
# of a patch; the positions are computed for any size.
norm_cfg = dict(type='SyncBN', requires_grad=True)
model = dict(
    type='MultiTaskSegmentor',
    data_preprocessor=dict(
        type='MultiTaskDataPreprocessor',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True,
        size_divisor=16,
    ),
    backbone=dict(
        type='mmpretrain.TIMMBackbone',
        model_name='vit_small_patch16_dinov3',
        features_only=True,
        out_indices=(2, 5, 8, 11),
        init_cfg=dict(
            type='Pretrained',
            checkpoint='timm://vit_small_patch16_dinov3.lvd1689m',
        ),
    ),
    neck=dict(type='Feature2Pyramid', embed_dim=384, norm_cfg=norm_cfg),
    test_cfg=dict(mode='whole'),
)
