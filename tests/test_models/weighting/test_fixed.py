"""The weighted losses are what mmengine adds up, and nothing else is."""

from __future__ import annotations

import math

import pytest
import torch
from mmengine.model import BaseModel
from torch import Tensor

from mmmtl.models.losses import flatten_losses
from mmmtl.models.weighting import FixedWeighting
from mmmtl.registry import MODELS, build_in_scope


class _Model(BaseModel):
    def forward(self, inputs: Tensor) -> Tensor:
        """Not used: only ``parse_losses`` is."""
        return inputs


def test_total_is_the_weighted_sum() -> None:
    """2 * 1 + 2 * 0.5 + 10 * 3 = 33; the accuracy is no part of it."""
    weighting = build_in_scope(
        MODELS,
        dict(type='FixedWeighting', weights=dict(depth=2, normals=10.0)),
    )
    weighted = weighting(
        {
            'depth': {
                'loss_l1': torch.tensor(1.0),
                'scale_4.loss_l1': torch.tensor(0.5),
                'delta1': torch.tensor(100.0),
            },
            'normals': {'loss_l1': torch.tensor(3.0)},
        }
    )
    flat = flatten_losses(weighted)
    assert {name: value.item() for name, value in flat.items()} == {
        'depth.loss_l1': 2.0,
        'depth.scale_4.loss_l1': 1.0,
        'depth.delta1': 100.0,
        'normals.loss_l1': 30.0,
    }
    assert list(flat)[-1] == 'normals.loss_l1'
    total, log = _Model().parse_losses(flat)
    assert total.item() == 33.0
    assert log['depth.delta1'].item() == 100.0


def test_weights_of_the_config_go_before_those_beside_the_losses() -> None:
    """2 * 3 = 6 instead of 2 * 10."""
    losses = {'depth': {'loss_l1': torch.tensor(2.0)}}
    beside = dict(depth=10.0)
    for weights, want in ((None, 20.0), (dict(depth=3.0), 6.0)):
        weighting = FixedWeighting(tasks=beside, weights=weights)
        assert weighting(losses)['depth']['loss_l1'].item() == want


def test_weight_scales_the_gradient() -> None:
    value = torch.tensor(2.0, requires_grad=True)
    weighting = FixedWeighting(weights=dict(edge=50.0))
    weighting({'edge': {'loss_x': value**2}})['edge']['loss_x'].backward()
    assert value.grad.item() == 200.0


@pytest.mark.parametrize(
    'name', ['loss', 'lossless_rate', 'aux_loss.l1', 'my_loss_l1', 'gloss']
)
def test_whatever_mmengine_adds_is_weighted(name: str) -> None:
    """Its rule is a substring: nothing reaches the total unweighted."""
    weighting = FixedWeighting(weights=dict(depth=3.0))
    weighted = weighting({'depth': {name: torch.tensor(1.0)}})
    assert weighted['depth'][name].item() == 3.0
    total, _ = _Model().parse_losses(flatten_losses(weighted))
    assert total.item() == 3.0


def test_task_without_weight_is_refused() -> None:
    weighting = FixedWeighting(weights=dict(depth=1.0, edge=50.0))
    weighting.check(['depth'])
    with pytest.raises(ValueError, match=r"no weight for \['semseg'\]"):
        weighting.check(['semseg', 'depth'])
    with pytest.raises(KeyError, match='semseg'):
        weighting({'semseg': {'loss_ce': torch.tensor(1.0)}})


@pytest.mark.parametrize(
    ('weights', 'message'),
    [
        (dict(detph=1.0), "did you mean 'depth'"),
        (dict(depth=-1.0), r"weights\['depth'\]=-1.0"),
        (dict(depth=math.nan), 'finite'),
        (dict(), 'empty'),
    ],
)
def test_bad_weights_are_refused(weights: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        FixedWeighting(weights=weights)


def test_no_weights_at_all_are_refused() -> None:
    with pytest.raises(ValueError, match='empty'):
        FixedWeighting()
