# One model from two data sets that have labels of different tasks: a second
# folder of rooms (rooms.py data/rooms-geometry --layout nyud --seed 1 ...)
# stands for a set with geometry only. A sample lacks the labels of the
# other set's tasks; their losses leave it out.
_base_ = './fcn-multi_swin-t_rooms.py'
train_dataloader = dict(
    dataset=dict(
        _delete_=True,
        type='ConcatDataset',
        datasets=[
            dict(
                type='NYUDv2Dataset',
                data_root='data/rooms',
                split='train',
                tasks=['semseg', 'edge'],
                metainfo={{_base_.metainfo}},
                pipeline={{_base_.train_pipeline}},
            ),
            dict(
                type='NYUDv2Dataset',
                data_root='data/rooms-geometry',
                split='train',
                tasks=['depth', 'normals'],
                metainfo={{_base_.metainfo}},
                pipeline={{_base_.train_pipeline}},
            ),
        ],
    )
)
