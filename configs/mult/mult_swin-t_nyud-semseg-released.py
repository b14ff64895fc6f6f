# The released form for one task (SCA1): the shared block first, then a plain
# one; the released loss and recipe.
_base_ = [
    '../_base_/models/mult_swin-t.py',
    '../_base_/tasks/nyud-full-frame.py',
    '../_base_/datasets/nyud-full-frame.py',
    '../_base_/schedules/schedule_mult_40k.py',
    '../_base_/default_runtime.py',
]
tasks = ['semseg']
model = dict(
    backbone=dict(drop_path_rate=0.3),
    decode_head=dict(
        blocks=('shared_skip', 'private'),
        drop_path_rate=0.3,
    ),
    loss_weighting=dict(_delete_=True, type='FixedWeighting'),
)
train_dataloader = dict(dataset=dict(tasks=tasks))
val_dataloader = dict(dataset=dict(tasks=tasks))
test_dataloader = val_dataloader
val_evaluator = dict(
    metrics=[dict(type='SegmentationMetric', empty_classes='skip')]
)
test_evaluator = val_evaluator
optim_wrapper = dict(optimizer=dict(lr=6e-6))
