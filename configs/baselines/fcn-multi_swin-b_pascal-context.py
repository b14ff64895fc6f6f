_base_ = './fcn-multi_swin-t_pascal-context.py'
checkpoint = 'https://download.openmmlab.com/mmsegmentation/v0.5/swin/upernet_swin_base_patch4_window7_512x512_160k_ade20k_pretrain_224x224_22K/upernet_swin_base_patch4_window7_512x512_160k_ade20k_pretrain_224x224_22K_20210526_211650-762e2178.pth'
model = dict(
    backbone=dict(
        embed_dims=128,
        depths=[2, 2, 18, 2],
        num_heads=[4, 8, 16, 32],
        init_cfg=dict(checkpoint=checkpoint),
    ),
    # The width stays that of Swin-T's baseline.
    decode_head=dict(in_channels=[128, 256, 512, 1024]),
)
