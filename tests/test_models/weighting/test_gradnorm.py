"""GradNorm against Algorithm 1 written down plainly."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from mmmtl.errors import UserError
from mmmtl.models.losses import TaskLosses
from mmmtl.models.weighting import GradNormWeighting
from tests.test_models.weighting.test_scalarizer import total


class Shared(nn.Module):
    """One shared layer, and a loss per task that scales its output."""

    def __init__(self) -> None:
        super().__init__()
        self.backbone = nn.Linear(3, 2)
        self.frozen = nn.Linear(3, 2).requires_grad_(False)

    def losses(self, x: Tensor, scales: Tensor) -> TaskLosses:
        """Return the losses of the tasks a, b and c."""
        y = self.backbone(x)
        return {
            task: {'loss_x': scale * (y - i).square().mean()}
            for i, (task, scale) in enumerate(zip('abc', scales, strict=True))
        }


def build(model: nn.Module, **more: object) -> GradNormWeighting:
    weighting = GradNormWeighting(tasks=dict(a=1, b=1, c=1), **more)
    weighting.bind(model)
    return weighting


SCALES = torch.tensor([1.0, 10.0, 0.1])


def test_algorithm_1() -> None:
    torch.manual_seed(0)
    model, alpha, lr = Shared(), 0.7, 0.05
    weighting = build(model, alpha=alpha, lr=lr)
    w = torch.ones(3, requires_grad=True)
    adam = torch.optim.Adam([w], lr=lr)
    first = None
    sgd = torch.optim.SGD(model.parameters(), lr=0.05)
    for _ in range(4):
        x = torch.randn(5, 3)
        losses = model.losses(x, SCALES)
        values = torch.stack([losses[task]['loss_x'] for task in 'abc'])
        first = values.detach() if first is None else first
        norms = torch.stack(
            [
                torch.autograd.grad(
                    w[i] * values[i],
                    model.backbone.weight,
                    retain_graph=True,
                    create_graph=True,
                )[0].norm()
                for i in range(3)
            ]
        )
        rates = values.detach() / first
        target = (norms.mean() * (rates / rates.mean()) ** alpha).detach()
        before = w.detach().clone()
        weighted = weighting(losses)
        shown = torch.stack([weighted[task]['weight'] for task in 'abc'])
        torch.testing.assert_close(shown, before)
        torch.testing.assert_close(total(weighted), (before * values).sum())
        adam.zero_grad()
        (w.grad,) = torch.autograd.grad((norms - target).abs().sum(), w)
        adam.step()
        with torch.no_grad():
            w *= 3 / w.sum()
        torch.testing.assert_close(weighting.weights, w.detach())
        sgd.zero_grad()
        total(weighted).backward()
        sgd.step()
    assert weighting.weights[1] < 1 < weighting.weights[2]


def test_a_task_without_labels_keeps_its_weight() -> None:
    model = Shared()
    weighting = build(model)
    x = torch.randn(5, 3)
    weighting(model.losses(x, torch.tensor([1.0, 0.0, 10.0])))
    assert weighting.weights[1] == 1
    assert weighting.first.isnan().tolist() == [False, True, False]
    assert weighting.weights[0] > 1 > weighting.weights[2]
    assert weighting.weights.sum().item() == pytest.approx(3)


def test_resuming_changes_nothing() -> None:
    model = Shared()
    x = torch.randn(5, 3)
    whole, first = build(model), build(model)
    for _ in range(4):
        whole(model.losses(x, SCALES))
    for _ in range(2):
        first(model.losses(x, SCALES))
    second = build(model)
    second.load_state_dict(first.state_dict())
    second.load_run_state(first.run_state())
    for _ in range(2):
        second(model.losses(x, SCALES))
    torch.testing.assert_close(second.weights, whole.weights, rtol=0, atol=0)


def test_evaluation_moves_nothing() -> None:
    model = Shared()
    weighting = build(model)
    with torch.no_grad():
        weighting(model.losses(torch.randn(5, 3), SCALES))
    assert weighting.weights.tolist() == [1, 1, 1]


def test_refusals() -> None:
    model = Shared()
    with pytest.raises(UserError, match="did you mean 'backbone'"):
        build(model, shared='backbon')
    with pytest.raises(UserError, match='no weight that learns'):
        build(model, shared='frozen')
    weighting = GradNormWeighting(tasks=dict(a=1, b=1, c=1))
    with pytest.raises(UserError, match='does not know the model'):
        weighting(model.losses(torch.randn(5, 3), SCALES))
