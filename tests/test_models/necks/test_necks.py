"""Necks that belong to no method, alone and before a method's neck."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from mmmtl.models.necks import LevelProjection, PyramidFusion
from mmmtl.registry import MODELS, build_in_scope
from tests.tiny import demt

WIDE, NARROW = (8, 16, 32, 64), (4, 8, 16, 32)


def test_each_level_is_a_linear_map_and_its_norm() -> None:
    neck = LevelProjection(in_channels=WIDE, out_channels=NARROW).eval()
    pyramid = [torch.randn(2, c, 8 >> i, 6) for i, c in enumerate(WIDE)]
    found = neck(pyramid)
    assert isinstance(found, tuple)
    for level, before, after in zip(neck.levels, pyramid, found, strict=True):
        # Of a new norm in evaluation, y = x / sqrt(1 + eps).
        want = F.conv2d(before, level[0].weight) / (1 + 1e-5) ** 0.5
        assert torch.allclose(after, want, atol=1e-5)


def test_fusion_is_concatenation_and_two_convolutions() -> None:
    neck = PyramidFusion(in_channels=WIDE, channels=6).eval()
    pyramid = [torch.randn(2, c, 8 >> i, 8 >> i) for i, c in enumerate(WIDE)]
    joined = torch.cat(
        [F.interpolate(level, (8, 8), mode='bilinear') for level in pyramid], 1
    )
    linear = neck.projection.linear
    hidden = F.conv2d(joined, linear.weight[..., None, None], linear.bias)
    want = F.conv2d(hidden.relu(), neck.smooth[0].weight, padding=1)
    (found,) = neck(pyramid)
    assert torch.allclose(found, (want / (1 + 1e-5) ** 0.5).relu(), atol=1e-5)
    neck.train()(pyramid)[0].square().sum().backward()
    assert [n for n, p in neck.named_parameters() if p.grad is None] == []


def test_levels_and_widths_are_as_many() -> None:
    with pytest.raises(ValueError, match='zip'):
        LevelProjection(in_channels=WIDE, out_channels=NARROW[:3])


def test_several_necks_run_in_turn() -> None:
    config = demt()
    config['neck']['in_channels'] = list(NARROW)
    projection = dict(
        type='LevelProjection', in_channels=WIDE, out_channels=NARROW
    )
    config['neck'] = [projection, config['neck']]
    model = build_in_scope(MODELS, config).eval()
    image = torch.randn(1, 3, 32, 40)
    first, second = model.neck
    want = second(first(model.backbone(image)))
    found = model.extract_feat(image)
    assert list(found) == list(model.tasks)
    for task in found:
        assert torch.equal(found[task], want[task])


def test_tasks_are_checked_in_every_neck() -> None:
    config = demt()
    config['neck']['tasks'] = ['semseg']
    projection = dict(
        type='LevelProjection', in_channels=WIDE, out_channels=WIDE
    )
    config['neck'] = [projection, config['neck']]
    with pytest.raises(ValueError, match=r'neck\.tasks'):
        build_in_scope(MODELS, config)
