# MulT on the tasks, losses and weights of the other methods' rooms configs,
# from ImageNet weights.
_base_ = [
    '../_base_/models/mult_efficientnet-lite0.py',
    '../_base_/tasks/rooms.py',
    '../_base_/datasets/rooms-128x160.py',
    '../_base_/schedules/schedule_rooms-pretrained.py',
    '../_base_/default_runtime.py',
]
model = dict(
    # 600 steps need no regularisation.
    decode_head=dict(drop_path_rate=0.0, dropout_ratio=0.0),
    loss_weighting=dict(_delete_=True, type='FixedWeighting'),
)
