"""Weightings through torchjd: gradients, values, memory, refusals."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from mmmtl.errors import UserError
from mmmtl.models.losses import TaskLosses
from mmmtl.models.losses.by_task import flatten_losses, losses_by_task
from mmmtl.models.weighting import ScalarizerWeighting

START = (3.0, 0.5, 2.0)
SCALARIZERS: dict[str, dict[str, Any]] = {
    'COSMOS': dict(lambda_=1.0, weights=[1, 2, 1]),
    'Constant': dict(weights=[1, 2, 3]),
    'DWA': {},
    'FAMO': {},
    'GeometricMean': {},
    'IMTLL': {},
    'Mean': {},
    'PBI': dict(theta=1.0, weights=[1, 2, 1]),
    'Random': {},
    'STCH': dict(mu=0.5),
    'Sum': {},
    'UW': {},
}


def build(name: str, factors: tuple = (1, 1, 1), **more: Any) -> Any:
    config = dict(type=name, **SCALARIZERS[name])
    tasks = dict(zip('abc', factors, strict=True))
    return ScalarizerWeighting(tasks=tasks, scalarizer=config, **more)


def losses(x: Tensor) -> TaskLosses:
    return {
        'a': {'loss_l1': x[0], 'accuracy': torch.tensor(9.0)},
        'b': {'loss_l1': x[1] / 4, 'scale_4.loss_l1': x[1] * 3 / 4},
        'c': {'loss_l1': x[2]},
    }


def total(weighted: TaskLosses) -> Tensor:
    return sum(losses_by_task(flatten_losses(weighted)).values())


@pytest.mark.parametrize('factors', [(1, 1, 1), (1, 10, 0.5)])
@pytest.mark.parametrize('name', SCALARIZERS)
def test_the_gradient_is_the_scalarizers(name: str, factors: tuple) -> None:
    x = torch.tensor(START, requires_grad=True)
    weighting = build(name, factors)
    torch.manual_seed(3)
    weighted = weighting(losses(x))
    (found,) = torch.autograd.grad(total(weighted), x)
    torch.manual_seed(3)
    scalar = weighting.function(x * torch.tensor(factors))
    (want,) = torch.autograd.grad(scalar, x)
    torch.testing.assert_close(found, want)
    assert weighted['a']['accuracy'] == 9.0
    names = ['a', 'b', 'c']
    shown = torch.stack([weighted[task]['weight'] for task in names])
    torch.testing.assert_close(shown, want)


@pytest.mark.parametrize('name', ['UW', 'IMTLL'])
def test_its_own_parameters_learn(name: str) -> None:
    x = torch.tensor(START, requires_grad=True)
    weighting = build(name)
    (own,) = weighting.parameters()
    with torch.no_grad():
        own += torch.tensor([0.1, -0.2, 0.3])
    sum_ = total(weighting(losses(x)))
    want = weighting.function(x)
    torch.testing.assert_close(sum_, want)
    found = torch.autograd.grad(sum_, [own, x])
    torch.testing.assert_close(found, torch.autograd.grad(want, [own, x]))


@pytest.mark.parametrize('name', SCALARIZERS)
def test_a_batch_without_labels_counts_as_the_one_before(name: str) -> None:
    weighting = build(name)
    weighting(losses(torch.tensor(START, requires_grad=True)))
    x = torch.tensor([3.0, 0.0, 2.0], requires_grad=True)
    torch.manual_seed(3)
    found = weighting(losses(x))
    assert total(found).isfinite()
    torch.manual_seed(3)
    want = build(name)(losses(torch.tensor(START, requires_grad=True)))
    for task in 'abc':
        torch.testing.assert_close(found[task]['weight'], want[task]['weight'])


def epoch(weighting: ScalarizerWeighting, *values: float) -> list[float]:
    """One epoch of two steps at these losses; the weights of the last."""
    for _ in range(2):
        weighted = weighting(losses(torch.tensor(values)))
        weighting.after_step(lambda: pytest.fail('a forward pass'))
    return [weighted[task]['weight'].item() for task in 'abc']


def test_dynamic_weight_average_of_its_paper() -> None:
    """Equation 7 of Liu et al.: ``w = 3 softmax(L(t-1) / L(t-2) / 2)``."""
    weighting = build('DWA', interval=2)
    assert epoch(weighting, 4.0, 1.0, 2.0) == [1, 1, 1]
    assert epoch(weighting, 2.0, 1.0, 3.0) == [1, 1, 1]
    rates = torch.tensor([0.5, 1.0, 1.5])
    want = 3 * torch.softmax(rates / 2, 0)
    assert epoch(weighting, 1.0, 1.0, 1.0) == pytest.approx(want.tolist())


@pytest.mark.parametrize('name', ['DWA', 'FAMO'])
def test_resuming_changes_nothing(name: str) -> None:
    def steps(weighting: ScalarizerWeighting, start: int, end: int) -> Tensor:
        for i in range(start, end):
            x = torch.tensor(START) * (1 + 0.1 * i) ** torch.arange(3)
            weighted = weighting(losses(x.requires_grad_()))
            weighting.after_step(lambda x=x, i=i: losses(x.detach() * 0.9**i))
        return torch.stack([weighted[task]['weight'] for task in 'abc'])

    whole = steps(build(name, interval=2), 0, 9)
    first = build(name, interval=2)
    steps(first, 0, 5)
    second = build(name, interval=2)
    second.load_state_dict(first.state_dict())
    second.load_run_state(first.run_state())
    torch.testing.assert_close(steps(second, 5, 9), whole, rtol=0, atol=0)
    alone = steps(build(name, interval=2), 5, 9)
    assert not torch.allclose(alone, whole)


def test_famo_weighs_more_what_learns_less() -> None:
    weighting = build('FAMO')
    x = torch.tensor(START, requires_grad=True)
    weighting(losses(x))
    after = torch.tensor(START) * torch.tensor([0.5, 1.0, 0.9])
    weighting.after_step(lambda: losses(after))
    a, b, c = nn.functional.softmax(weighting.function._w.detach(), 0)
    assert a < 1 / 3 < min(b, c)


def test_famo_is_no_parameter_of_the_model() -> None:
    weighting = build('FAMO')
    assert not list(weighting.parameters())
    assert set(weighting.state_dict()) == {'factors', 'last'}


def test_refusals() -> None:
    with pytest.raises(UserError, match='known are: COSMOS'):
        ScalarizerWeighting(tasks=dict(a=1), scalarizer=dict(type='Famo'))
    with pytest.raises(ValueError, match='give it the tasks of the model'):
        build('DWA').check(['a', 'b'])
