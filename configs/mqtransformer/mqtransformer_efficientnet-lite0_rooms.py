# MQTransformer on rendered rooms, from ImageNet weights, in minutes on a CPU.
_base_ = [
    '../_base_/models/mqtransformer_efficientnet-lite0.py',
    '../_base_/tasks/rooms.py',
    '../_base_/datasets/rooms-128x160.py',
    '../_base_/schedules/schedule_rooms-pretrained.py',
    '../_base_/default_runtime.py',
]
