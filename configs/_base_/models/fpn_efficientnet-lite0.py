# A feature pyramid on EfficientNet-Lite0 that all tasks share, and one 3x3
# convolution per task on its finest level: a step takes two thirds of the
# time of fcn_efficientnet-lite0.py with nine tasks, and fine maps see coarse
# levels. The leaf config adds the tasks.
_base_ = './efficientnet-lite0.py'
norm_cfg = dict(type='SyncBN', requires_grad=True)
head = dict(
    type='FCNHead',
    in_channels=96,
    in_index=0,
    channels=48,
    num_convs=1,
    concat_input=False,
    dropout_ratio=0.0,
    norm_cfg=norm_cfg,
)
model = dict(
    type='MultiTaskSegmentor',
    data_preprocessor={{_base_.lite0_preprocessor}},
    backbone={{_base_.lite0_backbone}},
    neck=dict(
        type='FPN',
        in_channels=[24, 40, 112, 320],
        out_channels=96,
        num_outs=4,
        norm_cfg=norm_cfg,
    ),
    decode_head=dict(
        type='PerTaskHeads',
        in_channels=[96, 96, 96, 96],
        heads=dict(
            semseg=head,
            depth=head,
            normals=head,
            edge=head,
            saliency=head,
            human_parts=head,
            reshading=head,
            keypoints2d=head,
            edges2d=head,
        ),
    ),
    test_cfg=dict(mode='whole'),
)
