# One map for all tasks with the weights of the depth decoder, as in the
# released code, in the place of the normals'.
_base_ = [
    '../_base_/models/mult_swin-t.py',
    '../_base_/tasks/nyud-mult.py',
    '../_base_/datasets/nyud-mult.py',
    '../_base_/schedules/schedule_mult_40k.py',
    '../_base_/default_runtime.py',
]
model = dict(
    decode_head=dict(tasks={{_base_.task_outputs}}, reference_task='depth'),
    loss_weighting={{_base_.loss_weighting}},
)
