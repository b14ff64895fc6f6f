# MulT on Swin-B; the leaf config adds the tasks.
_base_ = './mult_swin-t.py'
# ImageNet-22K.
checkpoint = 'https://download.openmmlab.com/mmsegmentation/v0.5/pretrain/swin/swin_base_patch4_window7_224_22k_20220317-4f79f7c0.pth'
model = dict(
    backbone=dict(
        embed_dims=128,
        depths=[2, 2, 18, 2],
        num_heads=[4, 8, 16, 32],
        drop_path_rate=0.3,
        init_cfg=dict(checkpoint=checkpoint),
    ),
    decode_head=dict(
        in_channels=[128, 256, 512, 1024],
        num_heads=[4, 8, 16, 32],
        drop_path_rate=0.3,
    ),
)
