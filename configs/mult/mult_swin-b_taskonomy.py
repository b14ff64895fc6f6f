_base_ = [
    '../_base_/models/mult_swin-b.py',
    '../_base_/tasks/taskonomy-mult.py',
    '../_base_/datasets/taskonomy.py',
    '../_base_/schedules/schedule_mult_40k.py',
    '../_base_/default_runtime.py',
]
model = dict(
    decode_head=dict(with_cp=True),
)
