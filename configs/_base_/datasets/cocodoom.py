_base_ = './taskonomy.py'
# What tools/dataset_converters/cocodoom.py wrote.
dataset = dict(
    type='CocoDoomDataset',
    data_root='data/cocodoom',
    split_root='data/cocodoom/splits',
    metainfo=dict(classes='data/cocodoom/classes.txt'),
    # Where the fitted planes gave no normal, there is no reshading either.
    holes='mask_valid',
)
train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadMultiTaskAnnotations'),
    dict(type='MultiTaskRandomFlip', prob=0.5),
    dict(type='PackMultiTaskInputs'),
]
train_dataloader = dict(dataset=dict(**dataset, pipeline=train_pipeline))
val_dataloader = dict(dataset=dataset)
test_dataloader = dict(dataset=dataset)
