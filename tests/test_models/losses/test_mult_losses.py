"""The losses of MulT: its code's numbers, and derived ones."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from mmmtl.models.layers.resize import resize_bilinear
from mmmtl.models.losses import (
    DepthLogLoss,
    DepthRotateLoss,
    SegCrossEntropyLoss,
)
from mmmtl.models.losses.log_depth_loss import depth_slopes, log_depth

DATA = Path(__file__).parents[2] / 'data'
SPEC = json.loads((DATA / 'mult_losses.json').read_text())
LABELS = np.load(DATA / 'mult_losses.npz')


def prediction(task: str) -> Tensor:
    """The fixture's logits, at the size of its labels."""
    rule = SPEC[f'{task}_prediction']
    draws = np.random.RandomState(rule['seed']).standard_normal(rule['shape'])
    logits = torch.from_numpy(draws.astype(np.float32)) * rule['multiply']
    return resize_bilinear(logits, tuple(SPEC['batch'][1:]))


def depth() -> tuple[Tensor, Tensor]:
    label = torch.from_numpy(LABELS['depth_label']).float()
    return 10 * prediction('depth').sigmoid(), label


@pytest.mark.parametrize(
    ('divide_by', 'key'),
    [('all', 'loss_seg'), ('valid', 'loss_seg_mean_over_valid_pixels')],
)
def test_cross_entropy_of_the_released_code(divide_by: str, key: str) -> None:
    label = torch.from_numpy(LABELS['semseg_label']).long()
    label[label == 0] = 255  # the id that the released code ignores
    loss = SegCrossEntropyLoss(divide_by=divide_by)
    found = loss(prediction('semseg'), label).item()
    assert found == pytest.approx(SPEC[key], rel=2e-6)


def test_depth_loss_of_the_released_code() -> None:
    maps, label = depth()
    assert DepthLogLoss()(maps, label).item() == pytest.approx(
        SPEC['loss_dep'], rel=2e-6
    )
    want = SPEC['loss_dep_parts']
    assert 10 * log_depth(maps, label, label > 0).item() == pytest.approx(
        want['scale_invariant_log'], rel=2e-6
    )
    assert depth_slopes(maps, label, label > 0).item() == pytest.approx(
        want['gradient_unweighted'], rel=2e-6
    )


def test_weights_of_the_log_loss() -> None:
    maps, label = depth()
    parts = [
        DepthLogLoss(log_weight=a, slope_weight=b)(maps, label).item()
        for a, b in ((1, 0), (0, 1), (3, 5))
    ]
    assert parts[2] == pytest.approx(3 * parts[0] + 5 * parts[1], rel=1e-6)


def test_a_common_factor_costs_little() -> None:
    """With p = 2 t everywhere: g = ln 2, sqrt(g^2 - 0.85 g^2)."""
    label = torch.rand(1, 1, 4, 4) + 1
    found = log_depth(2 * label, label, label > 0).item()
    assert found == pytest.approx(np.log(2) * np.sqrt(0.15), rel=1e-5)


@pytest.mark.parametrize('loss', [DepthLogLoss(), DepthRotateLoss()])
@pytest.mark.parametrize('label', [0.0, 3.0, float('inf'), float('nan')])
def test_nothing_to_learn_is_zero(loss: torch.nn.Module, label: float) -> None:
    """No label, or a perfect prediction: 0 with zero gradients, no NaN."""
    logits = torch.full((2, 1, 5, 6), 3.0, requires_grad=True)
    value = loss(logits, torch.full((2, 1, 5, 6), label))
    value.backward()
    assert value.item() == pytest.approx(0, abs=1e-6)
    assert logits.grad.abs().max() == 0


def rotate_by_hand(maps: Tensor, label: Tensor) -> float:
    """Nine masked mean errors per image, the least of each, averaged."""
    images = []
    for image, target in zip(maps[:, 0], label[:, 0], strict=True):
        inner = target[1:-1, 1:-1]
        known = (inner > 0) & inner.isfinite()
        height, width = inner.shape
        nine = [
            sum(
                abs(image[y + 1 + dy, x + 1 + dx] - inner[y, x]).item()
                for y in range(height)
                for x in range(width)
                if known[y, x]
            )
            / (height * width)
            for dy in (-1, 0, 1)
            for dx in (-1, 0, 1)
        ]
        images.append(min(nine))
    return sum(images) / len(images)


def test_rotate_loss_by_hand() -> None:
    maps = torch.rand(3, 1, 6, 5) * 4
    label = torch.rand(3, 1, 6, 5) * 4
    label[0, 0, 2, 2] = 0
    label[1, 0, :3] = float('nan')
    found = DepthRotateLoss()(maps, label).item()
    assert found == pytest.approx(rotate_by_hand(maps, label), rel=1e-5)


def test_rotate_loss_forgives_one_pixel() -> None:
    """Another displacement for each image: both are perfect."""
    label = torch.rand(2, 1, 7, 8) + 0.5
    maps = torch.stack([label[0].roll((1, -1), (1, 2)), label[1].roll(-1, 1)])
    assert DepthRotateLoss()(maps, label).item() == 0
    two = label.roll(2, 2)
    assert DepthRotateLoss()(two, label).item() > 0.1


def test_gradient_of_the_rotate_loss_is_that_of_the_minimum() -> None:
    maps = (torch.rand(2, 1, 6, 6) * 4).double().requires_grad_()
    label = torch.rand(2, 1, 6, 6).double() * 4 + 0.1
    DepthRotateLoss()(maps, label).backward()
    target = label[..., 1:-1, 1:-1]
    nine = [
        (maps[..., dy : dy + 4, dx : dx + 4] - target).abs().flatten(1).mean(1)
        for dy in range(3)
        for dx in range(3)
    ]
    want = torch.autograd.grad(torch.stack(nine).amin(0).mean(), maps)[0]
    assert torch.allclose(maps.grad, want)


def test_half_precision_is_widened() -> None:
    maps, label = depth()
    for loss in (DepthLogLoss(), DepthRotateLoss()):
        value = loss(maps.bfloat16(), label)
        assert value.dtype == torch.float32
        assert value.item() == pytest.approx(
            loss(maps, label).item(), rel=0.02
        )


def test_slopes_are_not_convolved_in_half_precision() -> None:
    """Bfloat16 has three digits: a slope of 1 cm at 8 m would be lost."""
    maps, label = depth()
    maps.requires_grad_()
    values, grads = [], []
    for half in (False, True):
        with torch.autocast('cpu', torch.bfloat16, enabled=half):
            value = depth_slopes(maps, label, label > 0)
        values.append(value)
        grads += torch.autograd.grad(value, maps)
    assert values[1].dtype == torch.float32
    assert torch.equal(values[0], values[1])
    assert torch.equal(grads[0], grads[1])


def test_refusals_name_value_and_fix() -> None:
    with pytest.raises(ValueError, match=r"divide_by='some': give one of"):
        SegCrossEntropyLoss(divide_by='some')
    with pytest.raises(ValueError, match=r'slope_weight=-1.*>= 0'):
        DepthLogLoss(slope_weight=-1)
