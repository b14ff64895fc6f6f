# SCA-MTL on rendered rooms, from ImageNet weights, in minutes on two cores.
_base_ = [
    '../_base_/models/sca_efficientnet-lite0.py',
    '../_base_/tasks/rooms.py',
    '../_base_/datasets/rooms-128x160.py',
    '../_base_/schedules/schedule_rooms-pretrained.py',
    '../_base_/default_runtime.py',
]
tasks = ['semseg', 'normals', 'edge', 'depth']
train_dataloader = dict(dataset=dict(tasks=tasks))
val_dataloader = dict(dataset=dict(tasks=tasks))
test_dataloader = val_dataloader
