custom_imports = dict(imports=['mmmtl_pixel'])
default_scope = 'mmmtl'
model = dict(
    type='PixelModel',
    norm='BatchNorm2d',
    data_preprocessor=dict(type='MultiTaskDataPreprocessor', size_divisor=8),
)
test_dataloader = dict(
    batch_size=1,
    dataset=dict(
        type='NYUDv2Dataset',
        data_root='data/none',
        split='val',
        tasks=['semseg', 'depth', 'normals', 'edge'],
        metainfo=dict(
            classes=['blue', 'red'], palette=[[0, 0, 250], [250, 0, 0]]
        ),
        pipeline=[
            dict(type='LoadImageFromFile'),
            dict(type='MultiTaskCenteredPad', size=(20, 30)),
            dict(type='LoadMultiTaskAnnotations'),
            dict(type='PackMultiTaskInputs'),
        ],
    ),
)
