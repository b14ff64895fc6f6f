# MulT on Swin-L, the paper's; the leaf config adds the tasks.
_base_ = './mult_swin-t.py'
# ImageNet-22K.
checkpoint = 'https://download.openmmlab.com/mmsegmentation/v0.5/pretrain/swin/swin_large_patch4_window7_224_22k_20220412-aeecf2aa.pth'
model = dict(
    backbone=dict(
        embed_dims=192,
        depths=[2, 2, 18, 2],
        num_heads=[6, 12, 24, 48],
        drop_path_rate=0.3,
        init_cfg=dict(checkpoint=checkpoint),
    ),
    decode_head=dict(
        in_channels=[192, 384, 768, 1536],
        num_heads=[6, 12, 24, 48],
        drop_path_rate=0.3,
    ),
)
