# SCA-MTL on rendered rooms, from random weights, in minutes on two CPU cores.
_base_ = [
    '../_base_/models/sca_hrnet18.py',
    '../_base_/tasks/rooms.py',
    '../_base_/datasets/rooms.py',
    '../_base_/schedules/schedule_rooms.py',
    '../_base_/default_runtime.py',
]
tasks = ['semseg', 'normals', 'edge', 'depth']
model = dict(
    # 240 steps are too few for running means of 0.01 per step.
    backbone=dict(init_cfg=None, norm_cfg=dict(momentum=0.1)),
)
train_dataloader = dict(dataset=dict(tasks=tasks))
val_dataloader = dict(dataset=dict(tasks=tasks))
test_dataloader = val_dataloader
