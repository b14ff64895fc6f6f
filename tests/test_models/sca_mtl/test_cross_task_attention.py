"""CTAM: what is concatenated in which order, and that folding is exact."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from mmmtl.models.sca_mtl.cross_task_attention import (
    CrossTaskAttention,
)
from tests.reference.sca_mtl import across_tasks

TASKS = ('semseg', 'depth', 'normals')
C = 4


def build(
    fusion: str = 'shared', targets: tuple = TASKS
) -> CrossTaskAttention:
    layer = CrossTaskAttention(C, tasks=TASKS, targets=targets, fusion=fusion)
    return layer.double().eval()


def features() -> dict[str, Tensor]:
    return {task: torch.randn(2, C, 5, 6).double() for task in TASKS}


@pytest.mark.parametrize('fusion', ['shared', 'per_task'])
def test_equals_the_published_concatenation(fusion: str) -> None:
    """The target beside each answer, the last source first."""
    layer, inputs = build(fusion), features()
    found, want = layer(inputs), across_tasks(layer, inputs)
    assert list(found) == list(TASKS)
    for task in TASKS:
        assert torch.allclose(found[task], want[task], rtol=0, atol=1e-10)


def test_shared_fusion_is_one_block() -> None:
    assert list(build().fusion) == ['all']
    assert list(build('per_task').fusion) == list(TASKS)


def test_only_targets_are_computed_and_have_weights() -> None:
    layer = build(targets=('depth',))
    assert list(layer.attention) == ['depth']
    assert list(layer.attention['depth']) == ['normals', 'semseg']
    assert list(layer(features())) == ['depth']


@pytest.mark.parametrize(
    ('norm_cfg', 'momentum'),
    [
        (None, 0.01),
        (dict(type='BN', momentum=0.2), 0.2),
        (dict(type='GN', num_groups=2), None),
    ],
)
def test_the_fusion_s_norm_is_slow_unless_told(
    norm_cfg: dict | None, momentum: float | None
) -> None:
    layer = CrossTaskAttention(
        C, tasks=TASKS, targets=TASKS, fusion='shared', norm_cfg=norm_cfg
    )
    norm = layer.fusion['all'].entry[1]
    assert getattr(norm, 'momentum', None) == momentum
    if norm_cfg is None:  # attention keeps PyTorch's own
        assert layer.attention['depth']['semseg'].value[0][1].momentum == 0.1


@pytest.mark.parametrize('fusion', ['shared', 'per_task'])
def test_every_parameter_has_a_gradient(fusion: str) -> None:
    layer = build(fusion).train()
    sum(m.square().sum() for m in layer(features()).values()).backward()
    for name, parameter in layer.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().max() > 0, name
