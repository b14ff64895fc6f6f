# ViT-B/16 from MAE on ImageNet-1K (no labels were used), 1600 epochs; the
# leaf config adds head and tasks. Tapped after blocks 3, 6, 9 and 12, of
# which the neck makes strides 4, 8, 16 and 32. Images are padded to multiples
# of a patch; the position embedding, made for 224x224, is resized to them.
norm_cfg = dict(type='SyncBN', requires_grad=True)
checkpoint = 'https://download.openmmlab.com/mmselfsup/1.x/mae/mae_vit-base-p16_8xb512-fp16-coslr-1600e_in1k/mae_vit-base-p16_8xb512-fp16-coslr-1600e_in1k_20220825-f7569ca2.pth'
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
        type='mmpretrain.VisionTransformer',
        arch='base',
        img_size=224,
        patch_size=16,
        drop_path_rate=0.1,
        out_type='featmap',
        out_indices=[2, 5, 8, 11],
        init_cfg=dict(
            type='Pretrained', prefix='backbone.', checkpoint=checkpoint
        ),
    ),
    neck=dict(type='Feature2Pyramid', embed_dim=768, norm_cfg=norm_cfg),
    test_cfg=dict(mode='whole'),
)
