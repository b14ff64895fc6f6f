# MulT on the tasks, losses and weights of the other methods' rooms configs.
_base_ = [
    '../_base_/models/mult_swin-t.py',
    '../_base_/datasets/rooms.py',
    '../_base_/schedules/schedule_rooms.py',
    '../_base_/default_runtime.py',
]
model = dict(
    # From random weights, 240 steps need no regularisation.
    backbone=dict(init_cfg=None, drop_path_rate=0.0),
    decode_head=dict(
        drop_path_rate=0.0,
        dropout_ratio=0.0,
        tasks=dict(
            semseg=dict(
                out_channels=15, loss=dict(type='SegCrossEntropyLoss')
            ),
            # The last layer starts at the mean depth of rendered rooms in
            # metres: 240 steps are too few to walk there.
            depth=dict(
                initial_bias=3.4,
                loss=dict(type='DepthL1Loss'),
            ),
            normals=dict(loss=dict(type='NormalsL1Loss')),
            edge=dict(loss=dict(type='BalancedEdgeLoss', pos_weight=0.8)),
        ),
    ),
    loss_weighting=dict(
        type='FixedWeighting',
        weights=dict(semseg=1.0, depth=1.0, normals=1.0, edge=5.0),
    ),
)
optim_wrapper = dict(optimizer=dict(lr=3e-4))
