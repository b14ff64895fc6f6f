# The released form for two tasks (DEA1): the shared block first, then a block
# whose map comes from the depth decoder; the released losses and recipe.
_base_ = [
    '../_base_/models/mult_swin-t.py',
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
        tasks=dict(
            semseg=dict(
                out_channels=41,
                loss=dict(type='SegCrossEntropyLoss', divide_by='all'),
            ),
            depth=dict(max_value=10.0, loss=dict(type='DepthLogLoss')),
        ),
    ),
    loss_weighting=dict(
        type='FixedWeighting', weights=dict(semseg=1.0, depth=1.0)
    ),
)
optim_wrapper = dict(optimizer=dict(lr=6e-6))
