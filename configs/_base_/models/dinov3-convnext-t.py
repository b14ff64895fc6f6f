# DINOv3 ConvNeXt-T of timm (DINOv3 License, which has terms of its own);
# strides 4, 8, 16 and 32; the leaf config adds head and tasks.
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
        type='mmpretrain.TIMMBackbone',
        model_name='convnext_tiny',
        features_only=True,
        out_indices=(0, 1, 2, 3),
        init_cfg=dict(
            type='Pretrained',
            checkpoint='timm://convnext_tiny.dinov3_lvd1689m',
        ),
    ),
    test_cfg=dict(mode='whole'),
)
