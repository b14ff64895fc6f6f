_base_ = [
    './mqtransformer_swin-t_pascal-context.py',
    '../_base_/models/hrnet18-small.py',
]
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
    decode_head=dict(in_channels=[18, 36, 72, 144]),
)
optim_wrapper = dict(optimizer=dict(lr=5e-3))
