"""The losses of binary and scalar tasks: values derived by hand."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from mmmtl.models.losses import (
    BalancedEdgeLoss,
    BalancedSaliencyLoss,
    BaseTaskLoss,
    BinaryCrossEntropyLoss,
    BinaryDiceLoss,
    BinaryFocalLoss,
    ScalarL1Loss,
)
from mmmtl.tasks.kinds import Scalar

LN3 = math.log(3)  # sigmoid(ln 3) = 3/4, sigmoid(-ln 3) = 1/4
BINARY = [
    BinaryCrossEntropyLoss(),
    BinaryCrossEntropyLoss(pos_weight=0.8),
    BinaryCrossEntropyLoss(pos_weight='balanced'),
    BinaryDiceLoss(),
    BinaryFocalLoss(),
    BinaryFocalLoss(gamma=0.5),
]


def row(*values: float) -> Tensor:
    return torch.tensor(values).view(1, 1, 1, -1)


def random_pair() -> tuple[Tensor, Tensor]:
    logits = 3 * torch.randn(2, 1, 4, 6)
    return logits.requires_grad_(), torch.randint(2, (2, 1, 4, 6))


def test_cross_entropy() -> None:
    """-(log 3/4 + log 1/4) / 2 of a pixel of 1 and one of 0, both 3/4."""
    found = BinaryCrossEntropyLoss()(row(LN3, LN3, 9.0), row(1, 0, 255).long())
    assert found.item() == pytest.approx(-math.log(3 / 16) / 2)


def test_weights_are_those_of_the_balanced_losses() -> None:
    logits, label = random_pair()
    assert BinaryCrossEntropyLoss(pos_weight=0.8)(
        logits, label
    ) == BalancedEdgeLoss(pos_weight=0.8)(logits, label)
    assert BinaryCrossEntropyLoss(pos_weight='balanced')(
        logits, label
    ) == BalancedSaliencyLoss()(logits, label)


def test_dice() -> None:
    """P = 3/4, 1/4, 3/4; y = 1, 0, 0; smooth 1.

    1 - (2 * 3/4 + 1) / (9/16 + 1/16 + 9/16 + 1 + 1) = 1 - 40/51.
    """
    found = BinaryDiceLoss()(
        row(LN3, -LN3, LN3, 9.0), row(1, 0, 0, 255).long()
    )
    assert found.item() == pytest.approx(11 / 51)


def test_dice_of_no_mask_and_of_a_right_one_is_0() -> None:
    assert BinaryDiceLoss()(row(-99.0, -99.0), row(0, 0).long()) == 0
    assert BinaryDiceLoss()(row(99.0, -99.0), row(1, 0).long()) == 0


def test_focal() -> None:
    """Q = 3/4, 1/4; -(1/4 (1/4)^2 log 3/4 + 3/4 (3/4)^2 log 1/4) / 2."""
    found = BinaryFocalLoss()(row(LN3, LN3, 9.0), row(1, 0, 255).long())
    want = -(math.log(0.75) / 64 + 27 / 64 * math.log(0.25)) / 2
    assert found.item() == pytest.approx(want)


def test_focal_of_gamma_0_is_a_weighted_cross_entropy() -> None:
    logits, label = random_pair()
    torch.testing.assert_close(
        BinaryFocalLoss(alpha=0.8, gamma=0)(logits, label),
        BalancedEdgeLoss(pos_weight=0.8)(logits, label),
    )


@pytest.mark.parametrize('loss', BINARY, ids=repr)
def test_two_channels_are_their_difference(loss: BaseTaskLoss) -> None:
    logits, label = random_pair()
    other = torch.randn_like(logits)
    two = torch.cat([other, logits + other], dim=1)
    torch.testing.assert_close(loss(two, label), loss(logits, label))


@pytest.mark.parametrize('loss', BINARY, ids=repr)
def test_nothing_labelled_is_0_with_zero_gradients(loss: Any) -> None:
    logits, label = random_pair()
    value = loss(logits, torch.full_like(label, 255))
    value.backward()
    assert value.item() == 0
    assert logits.grad is not None
    assert not logits.grad.any()


@pytest.mark.parametrize('loss', BINARY, ids=repr)
def test_extreme_logits_have_finite_gradients(loss: Any) -> None:
    logits = row(-200.0, 200.0, 200.0, -200.0).requires_grad_()
    value = loss(logits, row(0, 1, 0, 1).long())
    value.backward()
    assert torch.isfinite(value)
    assert torch.isfinite(logits.grad).all()


@pytest.mark.parametrize('loss', BINARY, ids=repr)
def test_gradients_are_those_of_differences(loss: Any) -> None:
    logits, label = random_pair()
    label[0, 0, 0, :3] = 255
    wide = logits.detach().double().requires_grad_()
    assert torch.autograd.gradcheck(lambda x: loss(x, label), wide)


@pytest.mark.parametrize(
    ('loss', 'settings', 'message'),
    [
        (BinaryCrossEntropyLoss, dict(pos_weight=4.0), 'between 0 and 1'),
        (BinaryDiceLoss, dict(smooth=0.0), 'smooth=0.0'),
        (BinaryFocalLoss, dict(alpha=1.0), 'alpha=1.0'),
        (BinaryFocalLoss, dict(gamma=-1.0), 'gamma=-1.0'),
    ],
)
def test_settings_out_of_range(
    loss: Any, settings: dict, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        loss(**settings)


def test_scalar_errors_are_counted_in_spreads() -> None:
    """(|1 - 3| + |7 - 3|) / 2 = 3 metres, 1.5 spreads of 2 metres."""
    loss = ScalarL1Loss()
    logits, label = row(1.0, 7.0, 5.0), row(3.0, 3.0, math.nan)
    assert loss(logits, label) == 3
    loss.settings = Scalar(unit='m', spread=2.0)
    assert loss(logits, label) == 1.5
    logits.requires_grad_()
    loss(logits, torch.full_like(label, math.nan)).backward()
    assert not logits.grad.any()


def test_cross_entropy_is_pytorch_s() -> None:
    logits, label = random_pair()
    want = F.binary_cross_entropy_with_logits(logits, label.float())
    torch.testing.assert_close(BinaryCrossEntropyLoss()(logits, label), want)
