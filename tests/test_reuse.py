"""Parts of mmmtl in other projects' models, and theirs in ours.

Each model makes one real training step. Only the outermost type carries a
prefix; losses and norms nested in it do not.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import mmengine.registry
import mmseg.registry
import pytest
import torch
from mmengine.model import BaseModel
from mmengine.optim import OptimWrapper
from mmengine.registry import DefaultScope, Registry
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample
from torch import Tensor

from mmmtl.models.demt import DeformableMixer
from mmmtl.models.layers.scoped_attention import SCOPES
from mmmtl.models.losses import flatten_losses
from mmmtl.models.sca_mtl import CrossScaleAttention
from mmmtl.registry import MODELS, build_in_scope
from tests.tiny import NYUD, demt, head_tasks, random_batch, sca, swin

PYRAMID = [8, 16, 32, 64]


def moved_by_one_step(
    model: BaseModel, batch: dict[str, Any]
) -> dict[str, bool]:
    """Train for one step; tell which parameters it changed."""
    before = {n: p.detach().clone() for n, p in model.named_parameters()}
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    log = model.train_step(batch, OptimWrapper(optimizer))
    assert log['loss'].isfinite()
    assert log['loss'] > 0
    return {
        name: not torch.equal(parameter, before[name])
        for name, parameter in model.named_parameters()
    }


@pytest.fixture
def other_project() -> Iterator[Registry]:
    root = mmengine.registry.MODELS
    registry = Registry('model', parent=root, scope='mmother')
    yield registry
    del root.children['mmother']


# mmseg's head and loss warn about their own defaults.
@pytest.mark.filterwarnings('ignore:::mmseg')
def test_the_neck_serves_mmseg_s_own_model() -> None:
    """EncoderDecoder, FCNHead and its default loss are mmseg's."""
    norm = dict(type='BN', requires_grad=True)
    cfg = dict(
        type='EncoderDecoder',
        data_preprocessor=dict(type='SegDataPreProcessor', size=(32, 40)),
        backbone=swin(),
        neck=dict(
            type='mmmtl.DeformableMixer',
            in_channels=PYRAMID,
            channels=16,
            norm_cfg=dict(type='GN', num_groups=4),
        ),
        decode_head=dict(
            type='FCNHead',
            in_channels=16,
            in_index=0,
            channels=8,
            num_convs=1,
            num_classes=5,
            norm_cfg=norm,
        ),
    )
    with DefaultScope.overwrite_default_scope('mmseg'):
        model = mmseg.registry.MODELS.build(cfg)
        moved = moved_by_one_step(model, segmentation_batch())
    assert isinstance(model.neck, DeformableMixer)
    assert [name for name, has in moved.items() if not has] == []


# mmseg's head and loss warn about their own defaults.
@pytest.mark.filterwarnings('ignore:::mmseg')
def test_attention_across_scales_serves_mmseg_s_own_model() -> None:
    """Any single-task model: pyramid in, pyramid out."""
    cfg = dict(
        type='EncoderDecoder',
        data_preprocessor=dict(type='SegDataPreProcessor', size=(32, 40)),
        backbone=swin(),
        neck=dict(
            type='mmmtl.CrossScaleAttention',
            in_channels=PYRAMID,
            out_channels=16,
            norm_cfg=dict(type='GN', num_groups=4),
        ),
        decode_head=dict(
            type='UPerHead',
            in_channels=[16] * 4,
            in_index=[0, 1, 2, 3],
            pool_scales=(1, 2),
            channels=8,
            num_classes=5,
            # A BatchNorm would undo the biases before it.
            norm_cfg=dict(type='GN', num_groups=2),
        ),
    )
    with DefaultScope.overwrite_default_scope('mmseg'):
        model = mmseg.registry.MODELS.build(cfg)
        moved = moved_by_one_step(model, segmentation_batch())
    assert isinstance(model.neck, CrossScaleAttention)
    assert [name for name, has in moved.items() if not has] == []


def segmentation_batch() -> dict[str, Any]:
    """Images and labels as mmseg's own models want them."""
    samples = []
    for _ in range(2):
        sample = SegDataSample(metainfo=dict(img_shape=(32, 40)))
        sample.gt_sem_seg = PixelData(data=torch.randint(5, (1, 32, 40)))
        samples.append(sample)
    inputs = [torch.randint(256, (3, 32, 40)) for _ in range(2)]
    return dict(inputs=inputs, data_samples=samples)


class OtherModel(BaseModel):
    """What a project that has never heard of tasks might write."""

    def __init__(
        self, *, registry: Registry, backbone: Any, neck: Any, head: Any
    ) -> None:
        super().__init__(
            data_preprocessor=registry.build(
                dict(
                    type='mmmtl.MultiTaskDataPreprocessor',
                    mean=[120.0] * 3,
                    std=[60.0] * 3,
                )
            )
        )
        self.backbone = registry.build(backbone)
        self.neck = registry.build(neck)
        self.head = registry.build(head)

    def forward(
        self, inputs: Tensor, data_samples: Any = None, mode: str = 'tensor'
    ) -> Any:
        features = self.neck(self.backbone(inputs))
        if mode == 'loss':
            return flatten_losses(self.head.loss(features, data_samples))
        return self.head(features)


@pytest.mark.parametrize('attn_scope', SCOPES)
def test_neck_and_head_serve_another_project(
    other_project: Registry, attn_scope: str
) -> None:
    norm = dict(type='BN', momentum=0.02)
    with DefaultScope.overwrite_default_scope('mmother'):
        model = OtherModel(
            registry=other_project,
            backbone=dict(swin(), type='mmseg.SwinTransformer'),
            neck=dict(
                type='mmmtl.DeformableMixer',
                in_channels=PYRAMID,
                channels=16,
                tasks=list(NYUD),
                norm_cfg=norm,
            ),
            head=dict(
                type='mmmtl.TaskQueryHead',
                tasks=head_tasks(NYUD),
                channels=16,
                bottleneck_channels=8,
                num_heads=2,
                attn_scope=attn_scope,
                norm_cfg=norm,
            ),
        )
        moved = moved_by_one_step(model, random_batch())
    assert [name for name, has in moved.items() if not has] == []
    assert model.head.bottlenecks['edge'][1].momentum == 0.02


def test_sca_mtl_serves_another_project(other_project: Registry) -> None:
    norm = dict(type='BN', momentum=0.02)
    parts = sca()
    with DefaultScope.overwrite_default_scope('mmother'):
        model = OtherModel(
            registry=other_project,
            backbone=dict(swin(), type='mmseg.SwinTransformer'),
            neck=dict(parts['neck'], type='mmmtl.WindowSelfAttention'),
            head=dict(
                parts['decode_head'],
                type='mmmtl.SequentialCrossAttentionHead',
                norm_cfg=norm,
            ),
        )
        moved = moved_by_one_step(model, random_batch())
    # A bias before a BatchNorm changes nothing.
    still = [name for name, has in moved.items() if not has]
    assert all(name.endswith('linear.bias') for name in still), still
    assert model.head.aggregations['edge'].norm.momentum == 0.02


def test_a_convnext_of_mmpretrain_drives_demt() -> None:
    cfg = demt()
    cfg['backbone'] = dict(
        type='mmpretrain.ConvNeXt',
        arch='tiny',
        out_indices=(0, 1, 2, 3),
        gap_before_final_norm=False,
    )
    cfg['neck'] |= dict(
        in_channels=[96, 192, 384, 768],
        norm_cfg=dict(type='BN', requires_grad=True),
    )
    model = build_in_scope(MODELS, cfg)
    assert len(model.extract_feat(torch.zeros(1, 3, 64, 64))) == len(NYUD)
    moved = moved_by_one_step(model, random_batch(size=(64, 64)))
    # ConvNeXt's blocks start scaled by 1e-6: steps that small vanish beside
    # the 1 of a norm's weight, and nowhere else.
    still = [name for name, has in moved.items() if not has]
    assert all(name.startswith('backbone.stages') for name in still)
    assert {name.rsplit('.', 2)[1] for name in still} <= {'norm'}
