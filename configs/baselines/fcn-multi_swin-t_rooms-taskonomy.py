# Taskonomy's six tasks on rendered rooms, from random weights, in minutes on
# two CPU cores.
_base_ = [
    '../_base_/models/fcn_swin-t.py',
    '../_base_/tasks/taskonomy.py',
    '../_base_/datasets/rooms-taskonomy.py',
    '../_base_/schedules/schedule_rooms.py',
    '../_base_/default_runtime.py',
]
model = dict(
    backbone=dict(init_cfg=None),
    decode_head=dict(
        tasks=dict(
            semseg=dict(
                out_channels=15, loss=dict(type='SegCrossEntropyLoss')
            ),
            # As in tasks/rooms.py: the mean depth of rendered rooms in metres.
            depth=dict(initial_bias=3.4, loss=dict(type='DepthL1Loss')),
            normals={{_base_.task_outputs.normals}},
            reshading={{_base_.task_outputs.reshading}},
            keypoints2d={{_base_.task_outputs.keypoints2d}},
            edges2d={{_base_.task_outputs.edges2d}},
        )
    ),
    loss_weighting={{_base_.loss_weighting}},
)
