# The released form for two tasks (DEA1): the shared block first, then a block
# whose map comes from the depth decoder; the released losses and recipe.
_base_ = [
    '../_base_/models/mult_swin-t.py',
    '../_base_/tasks/nyud-full-frame.py',
    '../_base_/datasets/nyud-full-frame.py',
    '../_base_/schedules/schedule_mult_40k.py',
    '../_base_/default_runtime.py',
]
model = dict(
    backbone=dict(drop_path_rate=0.3),
    decode_head=dict(
        blocks=('shared_skip', 'shared_stream'),
        reference_task='depth',
        drop_path_rate=0.3,
    ),
    loss_weighting=dict(_delete_=True, type='FixedWeighting'),
)
optim_wrapper = dict(optimizer=dict(lr=6e-6))
