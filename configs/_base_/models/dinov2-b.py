# DINOv2 ViT-B/14, otherwise as ViT-S/14.
_base_ = './dinov2-s.py'
checkpoint = 'https://download.openmmlab.com/mmpretrain/v1.0/dinov2/vit-base-p14_dinov2-pre_3rdparty_20230426-ba246503.pth'
model = dict(
    backbone=dict(arch='base', init_cfg=dict(checkpoint=checkpoint)),
    neck=dict(embed_dim=768),
)
