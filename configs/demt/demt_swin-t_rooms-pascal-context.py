# DeMT with PASCAL-Context's five tasks on rendered rooms, from random weights.
_base_ = [
    '../_base_/models/demt_swin-t.py',
    '../_base_/tasks/rooms-pascal-context.py',
    '../_base_/datasets/rooms-pascal-context.py',
    '../_base_/schedules/schedule_rooms.py',
    '../_base_/default_runtime.py',
]
model = dict(
    backbone=dict(init_cfg=None),
)
