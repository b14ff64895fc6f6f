"""Switching a part off removes its parameters and what it does."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from mmmtl.models.losses import flatten_losses
from tests.reference import demt as released_demt
from tests.reference import sca_mtl as released_sca
from tests.test_models.demt import test_deformable_mixer as mixer
from tests.test_models.demt import test_task_query_head as demt
from tests.test_models.mqtransformer import (
    test_multi_query_head as mqtransformer,
)
from tests.test_models.sca_mtl import (
    test_sequential_cross_attention_head as sca,
)
from tests.tiny import NYUD, random_sample

Maps = dict[str, Tensor]


def names(module: nn.Module) -> set[str]:
    """First parts of the names of the parameters."""
    return {name.split('.')[0] for name, _ in module.named_parameters()}


def count(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def without_gradient(head: Any, inputs: Any, tasks: Any, size: Any) -> list:
    samples = [random_sample(tasks, size) for _ in range(2)]
    sum(flatten_losses(head.loss(inputs, samples)).values()).backward()
    return [n for n, p in head.named_parameters() if p.grad is None]


def moved(before: Maps, after: Maps) -> set[str]:
    """Tasks whose maps differ."""
    return {
        task
        for task in before
        if not torch.allclose(before[task], after[task], atol=1e-6)
    }


# ---- DeMT


def test_demt_without_mixers_gives_every_task_the_projection() -> None:
    neck, maps = mixer.build(depth=0).eval(), mixer.pyramid()
    assert names(neck) == {'projection', 'norm'}
    shared = neck.projection(maps).permute(0, 2, 3, 1)
    want = neck.norm(shared).permute(0, 3, 1, 2)
    for task, found in neck(maps).items():
        assert torch.allclose(found, want, atol=1e-6), task


DEMT_PARTS = {
    'interaction': {'interaction', 'interaction_mlp'},
    'queries': {'queries', 'query_mlps'},
}


@pytest.mark.parametrize(
    'off', [('interaction',), ('queries',), ('interaction', 'queries')]
)
def test_demt_without_interaction_or_queries(off: tuple[str, ...]) -> None:
    switches = {f'with_{part}': False for part in off}
    head = demt.build(attn_scope='batch', **switches).double().eval()
    gone = set().union(*(DEMT_PARTS[part] for part in off))
    assert names(head) == names(demt.build()) - gone
    inputs = {task: maps.double() for task, maps in demt.features().items()}
    want = released_demt.logits(head, inputs)
    for task, logits in head(inputs).items():
        assert torch.allclose(logits, want[task], rtol=0, atol=1e-10), task
    head = demt.build(**switches)
    assert without_gradient(head, demt.features(), NYUD, (6, 10)) == []


@pytest.mark.parametrize(
    ('switches', 'reached'),
    [({}, set(NYUD)), (dict(with_queries=False), {'normals'})],
)
def test_demt_without_queries_keeps_tasks_apart(
    switches: dict, reached: set[str]
) -> None:
    """In the default scope, where the interaction sees single tokens."""
    head, inputs = demt.build(**switches).eval(), demt.features()
    before = head(inputs)
    inputs['normals'] = inputs['normals'] + 1
    assert moved(before, head(inputs)) == reached


# ---- MQTransformer


@pytest.mark.parametrize(
    ('switches', 'reached'),
    [
        ({}, set(NYUD)),
        (dict(with_cross_task_attention=False), {'edge'}),
    ],
)
def test_mqtransformer_without_cross_task_attention_keeps_tasks_apart(
    switches: dict, reached: set[str]
) -> None:
    head = mqtransformer.build(**switches).eval()
    inputs = mqtransformer.pyramid()
    before = head(inputs)
    with torch.no_grad():
        head.blocks[0].queries['edge'].add_(1.0)
        head.projections['edge'].linear.weight.neg_()
    assert moved(before, head(inputs)) == reached
    has_exchange = any('exchange' in n for n, _ in head.named_parameters())
    assert has_exchange == (reached == set(NYUD))


def test_order_of_the_queries_of_another_task_does_not_matter() -> None:
    """The exchange is blind to it too: it sees a set."""
    head, inputs = mqtransformer.build().eval(), mqtransformer.pyramid()
    before, block = head(inputs), head.blocks[0]
    with torch.no_grad():
        for own in (block.queries, block.query_positions, block.key_positions):
            own['edge'].copy_(own['edge'].flip(0))
    assert moved(before, head(inputs)) == set()


@pytest.mark.parametrize('part', ['encoder', 'decoder'])
def test_mqtransformer_with_separate_parts(part: str) -> None:
    shared = mqtransformer.build()
    head = mqtransformer.build(**{f'share_{part}': False})
    one = getattr(shared.blocks[0], part)
    each = getattr(head.blocks[0], part)
    assert list(each) == list(NYUD)
    assert count(head) == count(shared) + 3 * count(one)
    # With the shared weights in each, it is the shared model.
    state = {
        name.replace(f'.{part}.', f'.{part}.{task}.'): value
        for task in NYUD
        for name, value in shared.state_dict().items()
    }
    head.load_state_dict(state)
    inputs = mqtransformer.pyramid()
    before = shared.eval()(inputs)
    assert moved(before, head.eval()(inputs)) == set()
    with torch.no_grad():
        for parameter in each['depth'].parameters():
            parameter.mul_(1.5)
    after = head(inputs, return_queries=True)
    # Through the queries what one encoder reads reaches all tasks.
    reached = set(NYUD) if part == 'encoder' else {'depth'}
    assert moved(before, after[0]) == reached


@pytest.mark.parametrize(
    'switches',
    [
        dict(with_cross_task_attention=False),
        dict(share_encoder=False, share_decoder=False),
        dict(num_queries=1),
    ],
)
def test_ablated_mqtransformers_have_no_dead_parameter(switches: dict) -> None:
    head = mqtransformer.build(depth=2, **switches)
    inputs = mqtransformer.pyramid()
    assert without_gradient(head, inputs, NYUD, (10, 14)) == []


# ---- SCA-MTL


def test_sca_without_attention_across_scales() -> None:
    head, inputs = sca.build(with_csam=False).eval(), sca.pyramid()
    assert not any('cross_scale' in n for n, _ in head.named_parameters())
    _, levels = head._exchange(inputs)
    for task, found in head(inputs).items():
        aggregation = head.aggregations[task]
        # The levels alone, each once.
        assert aggregation.linear.in_features == sum(sca.PYRAMID)
        pyramid = [features[task] for features in levels]
        want = released_sca.aggregate(aggregation, pyramid, [[], [], []])
        assert torch.allclose(found, want, atol=1e-5), task


@pytest.mark.parametrize(
    ('switches', 'reached'),
    [({}, set(sca.THREE)), (dict(with_ctam=False), {'normals'})],
)
def test_sca_without_attention_across_tasks(
    switches: dict, reached: set[str]
) -> None:
    """What one task makes of the finest scale reaches no other one."""
    head, inputs = sca.build(**switches).eval(), sca.pyramid()
    before = head(inputs)
    with torch.no_grad():
        head.scales[0].blocks['normals'][1].exit[1].bias.add_(1.0)
    assert moved(before, head(inputs)) == reached
    assert bool(list(head.interactions.parameters())) == (not switches)


def test_sca_in_the_other_order_step_by_step() -> None:
    head = sca.build(attention_order='scale_task').eval()
    inputs = sca.pyramid()
    refined, levels = head._exchange(inputs)
    assert levels == refined
    answers = {
        task: aggregation.cross_scale([own[task] for own in refined])
        for task, aggregation in head.aggregations.items()
    }
    for level, own in enumerate(refined):
        coarser = len(refined) - 1 - level
        attended = {
            task: maps + sum(answers[task][level]) / max(coarser, 1)
            for task, maps in own.items()
        }
        levels[level] = head.interactions[level](attended)
    for task, found in head(inputs).items():
        want = released_sca.aggregate(
            head.aggregations[task],
            [own[task] for own in levels],
            answers[task],
        )
        assert torch.allclose(found, want, atol=1e-5), task


def test_the_order_of_sca_changes_no_parameter_and_the_result() -> None:
    head = sca.build().eval()
    other = sca.build(attention_order='scale_task').eval()
    other.load_state_dict(head.state_dict())
    inputs = sca.pyramid()
    assert moved(head(inputs), other(inputs)) == set(sca.THREE)


@pytest.mark.parametrize('order', ['task_scale', 'scale_task'])
def test_only_tasks_first_inform_finer_scales(order: Any) -> None:
    """Initial predictions come before an attention that comes last."""
    head, inputs = sca.build(attention_order=order).eval(), sca.pyramid()
    logits, before = head.forward_with_auxiliary(inputs)
    with torch.no_grad():
        for parameter in head.interactions[2].parameters():
            parameter.mul_(1.5)
    changed, after = head.forward_with_auxiliary(inputs)
    everything = set(sca.THREE)
    first = order == 'task_scale'
    assert moved(before['scale_0'], after['scale_0']) == (
        everything if first else set()
    )
    assert moved(logits, changed) == everything


@pytest.mark.parametrize('auxiliary', [None, ('edge',)])
@pytest.mark.parametrize(
    'switches',
    [
        dict(with_ctam=False),
        dict(with_csam=False),
        dict(attention_order='scale_task'),
        dict(attention_order='scale_task', ctam_fusion='per_task'),
        dict(attention_order='scale_task', with_cp=True),
    ],
)
def test_ablated_scas_have_no_dead_parameter(
    switches: dict, auxiliary: Any
) -> None:
    head = sca.build(auxiliary=auxiliary, **switches).train()
    tasks = sca.THREE + (auxiliary or ())
    assert without_gradient(head, sca.pyramid(), tasks, (50, 70)) == []


def test_an_unknown_order_is_refused() -> None:
    with pytest.raises(ValueError, match="attention_order='csam_ctam': give"):
        sca.build(attention_order='csam_ctam')
