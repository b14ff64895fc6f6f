# One model from two data sets that have labels of different tasks: a second
# folder of rooms (rooms.py data/rooms-geometry --layout nyud --seed 1 ...)
# stands for a set with geometry only. A sample lacks the labels of the
# other set's tasks; their losses leave it out. Figures are reported over
# both and for each: depth/rmse, rooms/depth/rmse, geometry/depth/rmse.
_base_ = './fcn-multi_swin-t_rooms.py'
rooms = dict(
    type='NYUDv2Dataset',
    data_root='data/rooms',
    metainfo={{_base_.metainfo}},
)
geometry = dict({**rooms, 'data_root': 'data/rooms-geometry'})
train = dict(split='train', pipeline={{_base_.train_pipeline}})
val = dict(split='val', pipeline={{_base_.test_pipeline}})
train_dataloader = dict(
    dataset=dict(
        _delete_=True,
        type='JointDataset',
        datasets=dict(
            rooms=dict(**rooms, **train, tasks=['semseg', 'edge']),
            geometry=dict(**geometry, **train, tasks=['depth', 'normals']),
        ),
        # Factors of the losses; 1 is what is without them.
        loss_weights=dict(rooms=1.0, geometry=1.0),
    )
)
val_dataloader = dict(
    dataset=dict(
        _delete_=True,
        type='JointDataset',
        datasets=dict(
            rooms=dict(**rooms, **val), geometry=dict(**geometry, **val)
        ),
    )
)
test_dataloader = val_dataloader
