# The learning rate is that of HRNet18: the authors' for HRNet48 is not known.
_base_ = './fcn-multi_hrnet18_pascal-context.py'
checkpoint = 'https://download.openmmlab.com/pretrain/third_party/hrnetv2_w48-d2186c55.pth'
model = dict(
    backbone=dict(
        extra=dict(
            stage1=dict(num_blocks=(4,)),
            stage2=dict(num_blocks=(4, 4), num_channels=(48, 96)),
            stage3=dict(
                num_modules=4,
                num_blocks=(4, 4, 4),
                num_channels=(48, 96, 192),
            ),
            stage4=dict(
                num_modules=3,
                num_blocks=(4, 4, 4, 4),
                num_channels=(48, 96, 192, 384),
            ),
        ),
        init_cfg=dict(checkpoint=checkpoint),
    ),
    decode_head=dict(
        in_channels=[48, 96, 192, 384],
        channels=180,  # 720 / 4
    ),
)
