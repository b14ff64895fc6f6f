# On rendered rooms, from random weights, in minutes on two CPU cores.
_base_ = [
    '../_base_/models/fcn_swin-t.py',
    '../_base_/tasks/rooms.py',
    '../_base_/datasets/rooms.py',
    '../_base_/schedules/schedule_rooms.py',
    '../_base_/default_runtime.py',
]
model = dict(
    backbone=dict(init_cfg=None),
)
