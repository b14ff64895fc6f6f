"""Derived values, masks, corner cases and refusals of the losses."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from mmmtl.models.losses import (
    BalancedEdgeLoss,
    BalancedSaliencyLoss,
    BaseTaskLoss,
    DepthL1Loss,
    HeatMapL1Loss,
    NormalsL1Loss,
    SegCrossEntropyLoss,
)
from mmmtl.registry import MODELS, build_in_scope
from mmmtl.tasks import get_task

CONFIGS = {
    'semseg': (dict(type='SegCrossEntropyLoss'), 5),
    'human_parts': (dict(type='SegCrossEntropyLoss'), 7),
    'saliency': (dict(type='BalancedSaliencyLoss'), 2),
    'normals': (dict(type='NormalsL1Loss'), 3),
    'depth': (dict(type='DepthL1Loss'), 1),
    'reshading': (dict(type='HeatMapL1Loss'), 1),
    'keypoints2d': (dict(type='HeatMapL1Loss'), 1),
    'edges2d': (dict(type='HeatMapL1Loss'), 1),
    'edge': (dict(type='BalancedEdgeLoss', pos_weight=0.8), 1),
}


def make(task: str, *, batch: int = 2) -> tuple[BaseTaskLoss, Tensor, Tensor]:
    """Return a loss, random logits and a fully labelled map."""
    config, channels = CONFIGS[task]
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(batch, channels, 4, 6, generator=generator)
    kind = get_task(task).kind
    if kind.dtype.is_floating_point:
        label = torch.rand(batch, kind.components, 4, 6, generator=generator)
        label += 0.1
    else:
        top = {'semseg': 5, 'human_parts': 7}.get(task, 2)
        label = torch.randint(top, (batch, 1, 4, 6), generator=generator)
    return build_in_scope(MODELS, config), logits.requires_grad_(), label


def unlabelled(task: str, label: Tensor) -> Tensor:
    return torch.full_like(label, get_task(task).kind.no_label)


@pytest.mark.parametrize('task', CONFIGS)
def test_no_label_gives_zero_loss_and_zero_gradients(task: str) -> None:
    loss, logits, label = make(task)
    value = loss(logits, unlabelled(task, label))
    value.backward()
    assert value.item() == 0
    assert logits.grad is not None
    assert torch.equal(logits.grad, torch.zeros_like(logits))


@pytest.mark.parametrize('task', CONFIGS)
def test_ignored_pixel_has_no_influence(task: str) -> None:
    loss, logits, label = make(task)
    label[0, :, 1, 2] = get_task(task).kind.no_label
    value = loss(logits, label)
    value.backward()
    assert logits.grad[0, :, 1, 2].abs().max() == 0
    assert logits.grad.abs().sum() > 0
    changed = logits.detach().clone()
    changed[0, :, 1, 2] += 3.0
    assert loss(changed, label) == value


@pytest.mark.parametrize('task', CONFIGS)
def test_mean_is_over_pixels_of_the_batch(task: str) -> None:
    """An image without any label leaves the value of the other unchanged."""
    loss, logits, label = make(task)
    alone = loss(logits[:1], label[:1])
    label[1] = get_task(task).kind.no_label
    torch.testing.assert_close(loss(logits, label), alone)


@pytest.mark.parametrize('bad', [math.nan, math.inf, 0.0, -1.0])
def test_depth_without_a_finite_positive_label(bad: float) -> None:
    logits = torch.tensor([[[[1.0, 7.0]]]], requires_grad=True)
    label = torch.tensor([[[[1.5, bad]]]])
    value = DepthL1Loss()(logits, label)
    value.backward()
    assert value.item() == 0.5
    assert logits.grad.tolist() == [[[[-1.0, 0.0]]]]


def test_cross_entropy_of_equal_logits() -> None:
    """Equal logits of K classes: -log(1/K) = log K."""
    label = torch.tensor([[[[0, 255]]]])
    value = SegCrossEntropyLoss()(torch.zeros(1, 4, 1, 2), label)
    assert value.item() == pytest.approx(math.log(4))


def test_normals_sum_channels_and_normalise_the_prediction() -> None:
    """(2,0,0) -> (1,0,0); |1-0| + |0-0| + |0+1| = 2 for one pixel."""
    logits = torch.tensor([2.0, 0.0, 0.0]).reshape(1, 3, 1, 1)
    label = torch.tensor([0.0, 0.0, -1.0]).reshape(1, 3, 1, 1)
    assert NormalsL1Loss()(logits, label).item() == pytest.approx(2.0)


def test_heat_map_error_is_averaged_over_labelled_pixels() -> None:
    """|2 - 1| + |-1 - 0.5| over two pixels; predictions are not clamped."""
    logits = torch.tensor([[[[2.0, -1.0, 9.0]]]], requires_grad=True)
    label = torch.tensor([[[[1.0, 0.5, math.nan]]]])
    value = HeatMapL1Loss()(logits, label)
    value.backward()
    assert value.item() == pytest.approx(1.25)
    assert logits.grad.tolist() == [[[[0.5, -0.5, 0.0]]]]


def test_edge_weights() -> None:
    """At logit 0 -log p = log 2: (0.8 + 0.2 + 0.2) / 3 log 2."""
    label = torch.tensor([[[[1, 0, 0, 255]]]])
    value = BalancedEdgeLoss(pos_weight=0.8)(torch.zeros(1, 1, 1, 4), label)
    assert value.item() == pytest.approx(0.4 * math.log(2))


def test_saliency_weights() -> None:
    """One of four salient: w1 = 3/4, w0 = 1/4; (3/4 + 3/4) / 4 log 2."""
    label = torch.tensor([[[[1, 0, 0, 0]]]])
    value = BalancedSaliencyLoss()(torch.zeros(1, 2, 1, 4), label)
    assert value.item() == pytest.approx(0.375 * math.log(2))


def test_saliency_of_one_channel_equals_two_with_zero_background() -> None:
    loss, logits, label = make('saliency')
    foreground = logits[:, 1:]
    two = torch.cat([torch.zeros_like(foreground), foreground], dim=1)
    torch.testing.assert_close(loss(foreground, label), loss(two, label))


@pytest.mark.parametrize('task', CONFIGS)
def test_half_precision_is_widened(task: str) -> None:
    """70,000 pixels do not fit float16 (65,504), sums of losses neither."""
    loss, logits, label = make(task)
    logits = logits.detach().repeat(1, 1, 40, 40).half()
    label = label.repeat(1, 1, 40, 40)
    with torch.autocast('cpu', dtype=torch.bfloat16):
        value = loss(logits, label)
    assert value.dtype == torch.float32
    torch.testing.assert_close(value, loss(logits.float(), label))


@pytest.mark.parametrize('pos_weight', [0.0, 1.0, 4.0, -0.5, math.nan])
def test_pos_weight_outside_its_range_is_refused(pos_weight: float) -> None:
    with pytest.raises(ValueError, match='between 0 and 1'):
        BalancedEdgeLoss(pos_weight=pos_weight)
