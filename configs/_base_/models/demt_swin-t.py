# DeMT on Swin-T; the leaf config adds the tasks.
norm_cfg = dict(type='SyncBN', requires_grad=True)
# The authors start from this although their text says ImageNet: the backbone
# of UPerNet trained on ADE20K. configs/demt/README.md names the ImageNet
# alternative.
checkpoint = 'https://download.openmmlab.com/mmsegmentation/v0.5/swin/upernet_swin_tiny_patch4_window7_512x512_160k_ade20k_pretrain_224x224_1K/upernet_swin_tiny_patch4_window7_512x512_160k_ade20k_pretrain_224x224_1K_20210531_112542-e380ad3e.pth'
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
        init_cfg=dict(
            type='Pretrained', prefix='backbone.', checkpoint=checkpoint
        ),
    ),
    neck=dict(
        type='DeformableMixer',
        in_channels=[96, 192, 384, 768],
        channels=256,
        depth=1,
        norm_cfg=norm_cfg,
    ),
    decode_head=dict(
        type='TaskQueryHead',
        channels=256,
        bottleneck_channels=180,  # 1440 / 8
        num_heads=4,
        attn_scope='sample',
        norm_cfg=norm_cfg,
    ),
    test_cfg=dict(mode='whole'),
)
