default_scope = 'mmmtl'
model = dict(
    backbone=dict(
        features_only=True,
        init_cfg=None,
        model_name='tf_efficientnet_lite0',
        out_indices=(
            1,
            2,
            3,
            4,
        ),
        type='mmpretrain.TIMMBackbone'),
    data_preprocessor=dict(
        bgr_to_rgb=True,
        mean=[
            127.0,
            127.0,
            127.0,
        ],
        std=[
            128.0,
            128.0,
            128.0,
        ],
        type='MultiTaskDataPreprocessor'),
    decode_head=dict(
        channels=48,
        in_channels=[
            96,
        ],
        norm_cfg=dict(requires_grad=True, type='SyncBN'),
        tasks=dict(
            depth=dict(
                initial_bias=3.4, loss=dict(type='DepthL1Loss'), weight=1.0),
            edge=dict(
                loss=dict(pos_weight=0.8, type='BalancedEdgeLoss'),
                weight=5.0),
            edges2d=dict(loss=dict(type='HeatMapL1Loss'), weight=5.0),
            human_parts=dict(
                loss=dict(type='SegCrossEntropyLoss'),
                out_channels=7,
                weight=2.0),
            keypoints2d=dict(loss=dict(type='HeatMapL1Loss'), weight=5.0),
            normals=dict(loss=dict(type='NormalsL1Loss'), weight=1.0),
            reshading=dict(
                initial_bias=0.65, loss=dict(type='HeatMapL1Loss'),
                weight=5.0),
            saliency=dict(
                loss=dict(type='BalancedSaliencyLoss'),
                out_channels=2,
                weight=1.0),
            semseg=dict(
                loss=dict(type='SegCrossEntropyLoss'),
                out_channels=15,
                weight=1.0)),
        type='PerTaskHeads'),
    neck=dict(
        channels=96,
        in_channels=[
            24,
            40,
            112,
            320,
        ],
        norm_cfg=dict(requires_grad=True, type='SyncBN'),
        type='PyramidFusion'),
    test_cfg=dict(mode='whole'),
    type='MultiTaskSegmentor')
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(
        interpolation='area',
        keep_ratio=True,
        scale=(
            320,
            208,
        ),
        type='Resize'),
    dict(type='LoadMultiTaskAnnotations'),
    dict(type='PackMultiTaskInputs'),
]
