"""Learned weights: the formula, what it learns, what it refuses."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from mmengine.model import BaseModel
from torch import Tensor

from mmmtl.models.losses import TaskLosses, flatten_losses
from mmmtl.models.weighting import UncertaintyWeighting
from mmmtl.registry import MODELS, build_in_scope


class _Model(BaseModel):
    def forward(self, inputs: Tensor) -> Tensor:
        """Not used: only ``parse_losses`` is."""
        return inputs


def build(**log_variances: float) -> UncertaintyWeighting:
    weighting = build_in_scope(
        MODELS, dict(type='UncertaintyWeighting', tasks=list(log_variances))
    )
    with torch.no_grad():
        for task, value in log_variances.items():
            weighting.log_variances[task].fill_(value)
    return weighting


def losses(edge: float = 5.0) -> TaskLosses:
    return {
        'depth': {
            'loss_l1': torch.tensor(3.0),
            'scale_4.loss_l1': torch.tensor(1.0),
            'delta1': torch.tensor(100.0),
        },
        'edge': {'loss_x': torch.tensor(edge)},
    }


def parse(losses: TaskLosses) -> tuple[Tensor, dict[str, Tensor]]:
    """Total and log, as mmengine makes them of what the model returns."""
    return _Model().parse_losses(flatten_losses(losses))


def test_total_at_the_start_is_the_plain_sum() -> None:
    weighting = UncertaintyWeighting(tasks=['depth', 'edge'])
    total, log = parse(weighting(losses()))
    assert total.item() == 9.0
    assert log['depth.log_variance'].item() == 0.0
    assert log['depth.delta1'].item() == 100.0


def test_total_of_the_formula() -> None:
    """At s = ln 2 and -ln 4: 4 / 2 + ln 2 / 2 + 4 * 5 - ln 4 / 2."""
    weighting = build(depth=math.log(2), edge=-math.log(4))
    weighted = weighting(losses())
    total, log = parse(weighted)
    want = 2 + math.log(2) / 2 + 20 - math.log(4) / 2
    assert total.item() == pytest.approx(want)
    assert weighted['depth']['scale_4.loss_l1'].item() == pytest.approx(0.5)
    assert log['edge.log_variance'].item() == pytest.approx(-math.log(4))


def test_learns_the_logarithm_of_twice_the_loss() -> None:
    """exp(-s) L + s / 2 is least where s = ln(2 L)."""
    weighting = build(depth=0.0, edge=0.0)
    optimizer = torch.optim.SGD(weighting.parameters(), lr=0.3)
    for _ in range(300):
        optimizer.zero_grad()
        parse(weighting(losses()))[0].backward()
        optimizer.step()
    found = {t: s.item() for t, s in weighting.log_variances.items()}
    assert found['depth'] == pytest.approx(math.log(8), abs=1e-3)
    assert found['edge'] == pytest.approx(math.log(10), abs=1e-3)


def test_gradient_of_a_loss_is_weighted() -> None:
    value = torch.tensor(2.0, requires_grad=True)
    weighting = build(edge=math.log(4))
    weighting({'edge': {'loss_x': value**2}})['edge']['loss_x'].backward()
    assert value.grad.item() == pytest.approx(1.0)  # 2 * 2 / 4


def test_a_batch_without_labels_leaves_the_weight_alone() -> None:
    weighting = build(depth=0.7, edge=0.0)
    parse(weighting(losses(edge=0.0)))[0].backward()
    assert weighting.log_variances['edge'].grad.item() == 0.0
    assert weighting.log_variances['depth'].grad.item() != 0.0


def test_weights_travel_by_task() -> None:
    source, target = build(depth=0.7, edge=-0.3), build(edge=0, depth=0)
    target.load_state_dict(source.state_dict())
    assert target.log_variances['edge'].item() == pytest.approx(-0.3)


def test_names_of_the_log() -> None:
    weighted = build(depth=0.0, edge=0.0)(losses())
    assert list(flatten_losses(weighted)) == [
        'depth.loss_l1',
        'depth.scale_4.loss_l1',
        'depth.delta1',
        'depth.loss_uncertainty',
        'depth.log_variance',
        'edge.loss_x',
        'edge.loss_uncertainty',
        'edge.log_variance',
    ]


@pytest.mark.parametrize(
    ('tasks', 'model', 'message'),
    [
        (['depth'], ['depth', 'edge'], r"\['depth'\].*\['depth', 'edge'\]"),
        (['depth', 'edge'], ['depth'], 'give it the tasks of the model'),
    ],
)
def test_other_tasks_than_the_model_s_are_refused(
    tasks: Any, model: Any, message: str
) -> None:
    weighting = UncertaintyWeighting(tasks=tasks)
    with pytest.raises(ValueError, match=message):
        weighting.check(model)
    weighting.check(tasks[::-1])


def test_bad_tasks_are_refused() -> None:
    with pytest.raises(ValueError, match="did you mean 'depth'"):
        UncertaintyWeighting(tasks=['detph'])
    with pytest.raises(ValueError, match='more than once'):
        UncertaintyWeighting(tasks=['depth', 'depth'])
