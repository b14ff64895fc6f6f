# HRNetV2-W18-Small: the pyramid (18, 36, 72, 144) at strides 4 to 32 that the
# multi-task literature calls HRNet18 (and SCA-MTL HRNet-W18-small-v2).
hrnet18_extra = dict(
    stage1=dict(
        num_modules=1,
        num_branches=1,
        block='BOTTLENECK',
        num_blocks=(2,),
        num_channels=(64,),
    ),
    stage2=dict(
        num_modules=1,
        num_branches=2,
        block='BASIC',
        num_blocks=(2, 2),
        num_channels=(18, 36),
    ),
    stage3=dict(
        num_modules=3,
        num_branches=3,
        block='BASIC',
        num_blocks=(2, 2, 2),
        num_channels=(18, 36, 72),
    ),
    stage4=dict(
        num_modules=2,
        num_branches=4,
        block='BASIC',
        num_blocks=(2, 2, 2, 2),
        num_channels=(18, 36, 72, 144),
    ),
)
hrnet18_checkpoint = 'https://download.openmmlab.com/pretrain/third_party/hrnetv2_w18_small-b5a04e21.pth'
