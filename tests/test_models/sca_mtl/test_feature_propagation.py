"""FPMA: the mask's two views, its softmax, squeeze and excitation."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from mmmtl.models.sca_mtl.feature_propagation import FeaturePropagation
from tests.reference.sca_mtl import propagate, swin_attentions

TASKS = ('semseg', 'depth', 'edge')
C = 4


def build(view: str, channels: int = C, **changes: object) -> nn.Module:
    arguments = dict(tasks=TASKS, view=view, num_heads=4, window_size=3)
    layer = FeaturePropagation(channels, **arguments | changes)
    return layer.double().eval()


def features() -> dict[str, Tensor]:
    return {task: torch.randn(2, C, 4, 5).double() for task in TASKS}


def masked(layer: nn.Module, inputs: dict[str, Tensor]) -> Tensor:
    """Return what the shared block is fed."""
    seen = []
    layer.shared.register_forward_pre_hook(lambda _, args: seen.append(*args))
    layer(inputs)
    return seen[0]


@pytest.mark.parametrize(
    ('view', 'groups'),
    [
        # (C, T): three neighbouring channels, across the border of tasks.
        ('channel_major', [[0, 1, 2], [3, 4, 5], [6, 7, 8], [9, 10, 11]]),
        # (T, C): the same channel of each task.
        ('task_major', [[0, 4, 8], [1, 5, 9], [2, 6, 10], [3, 7, 11]]),
    ],
)
def test_which_channels_share_a_softmax(
    view: str, groups: list[list[int]]
) -> None:
    layer, inputs = build(view), features()
    joined = torch.cat([inputs[task] for task in TASKS], dim=1)
    scores = layer.attention(joined)
    mask = torch.empty_like(scores)
    for group in groups:
        mask[:, group] = scores[:, group].softmax(1)
    assert torch.allclose(masked(layer, inputs), mask * joined, atol=1e-12)


@pytest.mark.parametrize('view', ['channel_major', 'task_major'])
def test_equals_the_released_steps(view: str) -> None:
    """The shared feature, weighed per task, and the task's own."""
    layer, inputs = build(view), features()
    found = layer(inputs)
    assert list(found) == list(TASKS)
    want = propagate(layer, inputs, swin_attentions(layer))
    for task in TASKS:
        assert torch.allclose(found[task], want[task], atol=1e-9)


@pytest.mark.parametrize(('channels', 'width'), [(4, 1), (32, 2), (36, 2)])
def test_the_squeeze_is_a_sixteenth_and_one_at_least(
    channels: int, width: int
) -> None:
    layer = build('task_major', channels)
    assert layer.squeezes['depth'][0].out_features == width
