"""What backbones say of their levels is what they give."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from mmmtl.models.demt import DeformableMixer
from mmmtl.models.segmentors.pyramid_check import check_pyramid, known_channels
from mmmtl.registry import MODELS, build_in_scope
from tests.tiny import swin

HRNET = dict(
    type='HRNet',
    extra={
        f'stage{number}': dict(
            num_modules=1,
            num_branches=number if number > 1 else 1,
            block='BOTTLENECK' if number == 1 else 'BASIC',
            num_blocks=(1,) * number,
            num_channels=(8, 16, 24, 32)[:number],
        )
        for number in (1, 2, 3, 4)
    },
)
BACKBONES = {
    'Swin': swin(),
    'Swin, three levels': swin(out_indices=(1, 2, 3)),
    'HRNet': HRNET,
    'ResNet': dict(
        type='ResNetV1c', depth=18, base_channels=8, stem_channels=8
    ),
    'ResNet, bottlenecks': dict(
        type='ResNet', depth=50, base_channels=8, out_indices=(0, 2, 3)
    ),
    'MiT': dict(
        type='MixVisionTransformer',
        embed_dims=8,
        num_layers=[1, 1, 1, 1],
        num_heads=[1, 2, 3, 4],
    ),
}


@pytest.mark.parametrize('name', BACKBONES)
def test_known_channels_are_the_true_ones(name: str) -> None:
    backbone = build_in_scope(MODELS, dict(BACKBONES[name]))
    backbone.eval()  # returns None in some of mmseg's
    with torch.no_grad():
        levels = backbone(torch.zeros(1, 3, 64, 64))
    assert known_channels(backbone) == [level.shape[1] for level in levels]


@pytest.mark.parametrize('channels', [[8, 16, 32], [8, 16, 32, 60]])
def test_a_part_of_other_levels_is_refused(channels: Any) -> None:
    backbone = build_in_scope(MODELS, swin())
    neck = DeformableMixer(in_channels=channels, channels=8)
    with pytest.raises(ValueError, match=r'gives levels of \[8, 16, 32, 64\]'):
        check_pyramid(backbone, neck)
    check_pyramid(backbone, DeformableMixer(in_channels=[8, 16, 32, 64]))


def test_who_says_nothing_is_believed() -> None:
    assert known_channels(nn.Identity()) is None
    check_pyramid(nn.Identity(), DeformableMixer(in_channels=[3], channels=8))
