_base_ = ['./demt_swin-t_nyud.py', '../_base_/models/hrnet18-small.py']
# The width that the published size, 4.76 M parameters, has.
model = dict(
    backbone=dict(
        _delete_=True,
        type='HRNet',
        norm_cfg={{_base_.norm_cfg}},
        norm_eval=False,
        extra={{_base_.hrnet18_extra}},
        init_cfg=dict(
            type='Pretrained', checkpoint={{_base_.hrnet18_checkpoint}}
        ),
    ),
    neck=dict(in_channels=[18, 36, 72, 144], channels=128),
    decode_head=dict(channels=128, bottleneck_channels=33),  # 270 / 8
)
optim_wrapper = dict(optimizer=dict(lr=1e-2))
