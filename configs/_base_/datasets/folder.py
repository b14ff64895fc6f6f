# A folder of one's own. What a config adds: where its files are, and a
# training pipeline at its size (tools/new_config.py writes both).
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadMultiTaskAnnotations'),
    dict(type='PackMultiTaskInputs'),
]
tta_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(
        type='TestTimeAug',
        transforms=[
            [
                dict(type='MultiTaskRandomScale', scales=[0.75]),
                dict(type='MultiTaskRandomScale', scales=[1.0]),
                dict(type='MultiTaskRandomScale', scales=[1.25]),
            ],
            [
                dict(type='MultiTaskRandomFlip', prob=0.0),
                dict(type='MultiTaskRandomFlip', prob=1.0),
            ],
            [dict(type='LoadMultiTaskAnnotations')],
            [dict(type='PackMultiTaskInputs')],
        ],
    ),
]
# The schedules are made for 8 samples per step, here of one process.
train_dataloader = dict(
    batch_size=8,
    num_workers=4,
    persistent_workers=True,
    drop_last=True,
    sampler=dict(type='InfiniteSampler', shuffle=True),
    dataset=dict(type='FolderDataset', split='train'),
)
val_dataloader = dict(
    batch_size=1,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(type='FolderDataset', split='val', pipeline=test_pipeline),
)
test_dataloader = val_dataloader
