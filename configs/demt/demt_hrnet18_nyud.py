_base_ = ['./demt_swin-t_nyud.py', '../_base_/models/hrnet18-small.py']
# Width 256 as in the released head; the published size is that of width 128
# (demt_hrnet18_nyud-width128.py).
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
    neck=dict(in_channels=[18, 36, 72, 144]),
    decode_head=dict(bottleneck_channels=33),  # 270 / 8
)
optim_wrapper = dict(optimizer=dict(lr=1e-2))
