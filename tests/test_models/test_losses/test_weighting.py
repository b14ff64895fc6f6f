"""The weighted losses are what mmengine adds up, and nothing else is."""

from __future__ import annotations

import math

import pytest
import torch
from mmengine.model import BaseModel
from torch import Tensor

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
            'depth.loss_l1': torch.tensor(1.0),
            'depth.scale_4.loss_l1': torch.tensor(0.5),
            'normals.loss_l1': torch.tensor(3.0),
            'depth.delta1': torch.tensor(100.0),
        }
    )
    assert list(weighted) == [
        'depth.loss_l1',
        'depth.scale_4.loss_l1',
        'normals.loss_l1',
        'depth.delta1',
    ]
    total, log = _Model().parse_losses(weighted)
    assert total.item() == 33.0
    assert log['depth.delta1'].item() == 100.0


def test_weights_of_the_config_go_before_those_beside_the_losses() -> None:
    """2 * 3 = 6 instead of 2 * 10."""
    losses = {'depth.loss_l1': torch.tensor(2.0)}
    beside = dict(depth=10.0)
    for weights, want in ((None, 20.0), (dict(depth=3.0), 6.0)):
        weighting = FixedWeighting(tasks=beside, weights=weights)
        assert weighting(losses)['depth.loss_l1'].item() == want


def test_weight_scales_the_gradient() -> None:
    value = torch.tensor(2.0, requires_grad=True)
    FixedWeighting(weights=dict(edge=50.0))({'edge.loss_x': value**2})[
        'edge.loss_x'
    ].backward()
    assert value.grad.item() == 200.0


@pytest.mark.parametrize(
    'name',
    [
        'depth.lossless_rate',
        'depth.aux_loss.loss_l1',
        'loss_l1',
        'depth.loss',
        'depth.my_loss_l1',
        'depth.gloss',
    ],
)
def test_name_that_would_be_added_unweighted_is_refused(name: str) -> None:
    weighting = FixedWeighting(weights=dict(depth=1.0))
    with pytest.raises(ValueError, match='added to the total'):
        weighting({name: torch.tensor(1.0)})


def test_task_without_weight_is_refused() -> None:
    weighting = FixedWeighting(weights=dict(depth=1.0, edge=50.0))
    weighting.check(['depth'])
    with pytest.raises(ValueError, match=r"no weight for \['semseg'\]"):
        weighting.check(['semseg', 'depth'])
    with pytest.raises(ValueError, match=r"no weight for \['semseg'\]"):
        weighting({'semseg.loss_ce': torch.tensor(1.0)})


@pytest.mark.parametrize(
    ('weights', 'message'),
    [
        (dict(detph=1.0), "did you mean 'depth'"),
        (dict(depth=-1.0), r"weights\['depth'\]=-1.0"),
        (dict(depth=math.nan), 'finite'),
        (dict(), 'empty'),
        ([1.0], 'give a dictionary'),
    ],
)
def test_bad_weights_are_refused(weights: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        FixedWeighting(weights=weights)
