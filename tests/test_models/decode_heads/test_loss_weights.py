"""Weights of a data set's losses: what becomes of the gradients."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from torch import Tensor

from mmmtl.engine.optim import AggregationOptimWrapper
from mmmtl.models.layers.gradients import weigh_gradient
from mmmtl.registry import MODELS, build_in_scope
from mmmtl.tasks import get_task
from tests.tiny import NYUD, demt, mqtransformer, random_batch, sca


def build(config: Any = demt) -> Any:
    torch.manual_seed(0)
    # Its logits of each scale are supervised and read on; no BatchNorm that
    # would let one sample's gradient depend on the other.
    return build_in_scope(MODELS, config(NYUD)).double().eval()


def gradients(
    model: Any, batch: dict[str, Any], *weights: Any
) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    batch = copy.deepcopy(batch)
    for sample, weight in zip(batch['data_samples'], weights, strict=False):
        sample.set_metainfo({'loss_weight': weight})
    data = model.data_preprocessor(batch, True)
    data['inputs'] = data['inputs'].double()
    model.zero_grad()
    losses = model(**data, mode='loss')
    sum(losses.values()).backward()
    return losses, {
        name: p.grad.clone()
        for name, p in model.named_parameters()
        if p.grad is not None
    }


def only(batch: dict[str, Any], index: int) -> dict[str, Any]:
    """Take the labels of all samples but one away."""
    batch = copy.deepcopy(batch)
    for i, sample in enumerate(batch['data_samples']):
        for task in NYUD:
            if i != index:
                label = torch.full_like(
                    sample.get_gt(task), get_task(task).kind.no_label
                )
                sample.set_gt(task, label)
    return batch


@pytest.mark.parametrize('config', [demt, mqtransformer, sca])
def test_gradients_are_those_of_the_weighted_sum(config: Any) -> None:
    """Of sum_i w_i (mean over the pixels of i) n_i / n.

    All pixels are labelled with two samples of one size: n_i / n = 1 / 2.
    """
    model, batch = build(config), random_batch(NYUD)
    for sample in batch['data_samples']:
        for task in NYUD:
            assert get_task(task).kind.valid(sample.get_gt(task)).all()
    plain, _ = gradients(model, batch)
    values, found = gradients(model, batch, 0.25, 3.0)
    _, first = gradients(model, only(batch, 0))
    _, second = gradients(model, only(batch, 1))
    assert values == plain  # the weights are not in the values
    for name, gradient in found.items():
        torch.testing.assert_close(
            gradient, (0.25 * first[name] + 3.0 * second[name]) / 2
        )


def test_a_weight_of_one_changes_no_bit() -> None:
    model, batch = build(), random_batch(NYUD)
    plain = gradients(model, batch)
    for weight in (1.0, dict(depth=1.0)):
        found = gradients(model, batch, weight, weight)
        assert found[0] == plain[0]
        assert all(torch.equal(found[1][n], g) for n, g in plain[1].items())


def test_a_weight_of_one_task() -> None:
    model, batch = build(), random_batch(NYUD)
    _, plain = gradients(model, batch)
    _, found = gradients(model, batch, dict(depth=0.0), dict(depth=0.0))
    place = 'decode_head.classifiers'
    for task in NYUD:
        own = [n for n in plain if n.startswith(f'{place}.{task}.')]
        assert own
        for name in own:
            expected = plain[name] * (task != 'depth')
            torch.testing.assert_close(found[name], expected)


def test_other_readers_of_the_maps_are_not_weighted() -> None:
    leaf = torch.ones(2, 1, 1, 1, requires_grad=True)
    maps = 1 * leaf
    weighted = weigh_gradient(maps, [0.0, 5.0])
    (weighted.sum() + maps.sum()).backward()
    assert leaf.grad.flatten().tolist() == [1.0, 6.0]
    without = maps.detach()
    assert weigh_gradient(without, [0.0, 5.0]) is without


@pytest.mark.parametrize('parallel', [1, None])
def test_aggregated_gradients_are_weighted(parallel: int | None) -> None:
    """The way of torchjd through autograd calls hooks, also under vmap."""
    model, batch = build(), random_batch(NYUD)
    _, want = gradients(model, batch, 0.25, 3.0)
    model.zero_grad()
    wrapper = AggregationOptimWrapper(
        torch.optim.SGD(model.parameters(), lr=1.0),
        aggregator=dict(type='Sum'),
        parallel=parallel,
    )
    before = {n: p.detach().clone() for n, p in model.named_parameters()}
    for sample, weight in zip(batch['data_samples'], (0.25, 3.0), strict=True):
        sample.set_metainfo({'loss_weight': weight})
    data = model.data_preprocessor(batch, True)
    data['inputs'] = data['inputs'].double()
    total, _ = model.parse_losses(model(**data, mode='loss'))
    wrapper.update_params(total)
    for name, parameter in model.named_parameters():
        torch.testing.assert_close(
            before[name] - parameter, want.get(name, 0 * parameter)
        )
