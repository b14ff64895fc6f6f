from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from mmmtl.models.losses import flatten_losses
from mmmtl.models.mult import SharedAttentionHead
from mmmtl.models.mult.decoder_stage import TokenUpsampling
from mmmtl.models.mult.window_block import WindowBlock
from tests.reference import mult
from tests.test_models.mult.shared_attention import (
    DEA1,
    PAPER,
    SCA1,
    SIX,
    SIZES,
    UNSHARED,
    build,
    pyramid,
    randomise,
)
from tests.tiny import NYUD, head_tasks, random_sample


@pytest.mark.parametrize('sizes', [SIZES, ((29, 15), (15, 8), (8, 4), (4, 2))])
def test_equals_the_released_two_task_decoder(sizes: Any) -> None:
    head = build(['semseg', 'depth'], blocks=DEA1).double().eval()
    assert head.reference_task == 'depth'
    inputs = [level.double() for level in pyramid(1, sizes)]
    with torch.no_grad():
        want = mult.decoder(head, inputs, 'depth')
        found = head(inputs)
    assert list(found) == ['semseg', 'depth']
    for task, logits in found.items():
        assert torch.allclose(logits, want[task], rtol=0, atol=1e-9), task


def test_layouts_are_different_models() -> None:
    """The reference, the order and the source of the map all matter."""
    torch.manual_seed(0)
    inputs = pyramid(1)
    results = []
    for arguments in (
        dict(blocks=DEA1),
        dict(blocks=DEA1, reference_task='semseg'),
        dict(blocks=DEA1[::-1]),
        dict(blocks=('shared_skip', 'shared_skip')),
        dict(blocks=('private_skip', 'shared_stream')),
    ):
        head = build(['semseg', 'depth'], **arguments).eval()
        torch.manual_seed(1)
        randomise(head)
        results.append(head(inputs)['semseg'])
    for index, one in enumerate(results):
        for other in results[:index]:
            assert (one - other).abs().max() > 0.01 * one.std()


@pytest.mark.parametrize(
    ('shared', 'plain'),
    [('shared_skip', 'private_skip'), ('shared_stream', 'private')],
)
def test_with_one_task_sharing_changes_nothing(
    shared: str, plain: str
) -> None:
    one = build(['depth'], blocks=[shared, 'private_skip']).eval()
    other = build(['depth'], blocks=[plain, 'private_skip']).eval()
    other.load_state_dict(
        {
            name.replace('.shared.', '.depth.'): value
            for name, value in one.state_dict().items()
        }
    )
    inputs = pyramid()
    assert torch.equal(one(inputs)['depth'], other(inputs)['depth'])


@pytest.mark.parametrize('blocks', [PAPER, DEA1, ('private_skip',)])
def test_permuting_the_tasks_permutes_the_outputs(blocks: Any) -> None:
    head = build(blocks=blocks).eval()
    other = build(NYUD[::-1], blocks=blocks).eval()
    other.load_state_dict(head.state_dict())
    inputs = pyramid()
    ours, theirs = head(inputs), other(inputs)
    assert list(ours) == list(NYUD)
    assert list(theirs) == list(NYUD[::-1])
    for task in NYUD:
        assert torch.allclose(ours[task], theirs[task], atol=1e-4), task


@pytest.mark.parametrize('blocks', [PAPER, SCA1, DEA1])
def test_every_parameter_has_a_gradient(blocks: Any) -> None:
    head = build(SIX, blocks=blocks)
    samples = [random_sample(SIX, (20, 24)) for _ in range(2)]
    sum(flatten_losses(head.loss(pyramid(), samples)).values()).backward()
    for name, parameter in head.named_parameters():
        assert parameter.grad is not None, name
        # The keys' bias shifts all scores of a query alike: 0 but for the
        # rounding. Nothing else is.
        assert parameter.grad.abs().max() > 0, name


@pytest.mark.parametrize('blocks', [PAPER, SCA1, DEA1, UNSHARED])
def test_a_gradient_reaches_every_level(blocks: Any) -> None:
    """The finer levels enter as queries and keys alone, not detached."""
    head = build(blocks=blocks)
    inputs = [level.requires_grad_() for level in pyramid()]
    samples = [random_sample(NYUD, (20, 24)) for _ in range(2)]
    sum(flatten_losses(head.loss(inputs, samples)).values()).backward()
    for index, level in enumerate(inputs):
        assert level.grad is not None, index
        assert (level.grad.abs().amax((0, 2, 3)) > 0).all(), index


def test_dropout_takes_whole_channels_in_training_alone() -> None:
    """With 1/2: a channel of an image is 0, or twice what it was."""
    head = build(['depth'], dropout_ratio=0.5)
    seen = []
    head.classifiers['depth'].register_forward_pre_hook(
        lambda _, inputs: seen.append(inputs[0])
    )
    inputs = pyramid(16)
    head.eval()(inputs)
    head.train()(inputs)
    plain, dropped = seen
    kept = (dropped != 0).flatten(2).any(2)  # (B, C)
    assert 16 <= kept.sum() <= 48  # of 64
    want = 2 * plain * kept[..., None, None]
    assert torch.allclose(dropped, want, atol=1e-5)


@pytest.mark.parametrize('blocks', [PAPER, DEA1])
def test_every_task_s_loss_reaches_the_shared_queries(blocks: Any) -> None:
    head = build(blocks=blocks)
    samples = [random_sample(NYUD, (20, 24)) for _ in range(2)]
    losses = flatten_losses(head.loss(pyramid(), samples))
    shared = [
        layer.weight
        for name, layer in head.named_modules()
        if name.endswith('shared.query_key')
    ]
    assert len(shared) == 4 * sum(kind.startswith('shared') for kind in blocks)
    for name, loss in losses.items():
        grads = torch.autograd.grad(loss, shared, retain_graph=True)
        for grad in grads:
            assert grad.abs().max() > 0, name


def test_a_task_s_loss_reaches_no_other_s_decoder() -> None:
    """Through the shared map only the encoder's feature passes.

    The values of all tasks are one tensor, so that another task's gradient is
    zero rather than none.
    """
    head = build()
    samples = [random_sample(NYUD, (20, 24)) for _ in range(2)]
    flatten_losses(head.loss(pyramid(), samples))['depth.loss_l1'].backward()
    for name, parameter in head.named_parameters():
        own = '.depth.' in name or name.endswith(
            ('.query_key.weight', '.bias.table')
        )
        others = [t for t in NYUD if t != 'depth' and f'.{t}.' in name]
        if others:
            assert parameter.grad is None or not parameter.grad.any(), name
        elif own:
            assert parameter.grad.abs().max() > 0, name


def test_odd_sizes_are_met_exactly(monkeypatch: Any) -> None:
    """464 pixels: levels of 116, 58, 29 and 15; twice 15 would be 30."""
    seen = []
    forward = TokenUpsampling.forward

    def note(self: Any, stream: Tensor, size: Any) -> Tensor:
        seen.append((tuple(stream.shape[1:3]), size))
        return forward(self, stream, size)

    monkeypatch.setattr(TokenUpsampling, 'forward', note)
    sizes = [(math.ceil(464 / 2**n), 4) for n in (2, 3, 4, 5)]
    sizes = [(height, -(-27 // 2**n)) for n, (height, _) in enumerate(sizes)]
    head = build(['depth']).eval()
    with torch.no_grad():
        found = head.predict(pyramid(1, sizes), (464, 108))['depth']
    assert [rows for (rows, _), _ in seen] == [15, 29, 58]
    assert [size[0] for _, size in seen] == [29, 58, 116]
    assert found.shape == (1, 1, 464, 108)
    assert found.isfinite().all()


@pytest.mark.parametrize('with_cp', [True, [False, True, True, False]])
def test_checkpointing_changes_memory_only(
    with_cp: Any, monkeypatch: Any
) -> None:
    """Same losses, same gradients, with stochastic depth."""
    arguments = dict(drop_path_rate=0.5, dropout_ratio=0.1)
    head = build(**arguments)
    other = build(**arguments, with_cp=with_cp)
    other.load_state_dict(head.state_dict())
    calls = []
    forward = WindowBlock.forward
    monkeypatch.setattr(
        WindowBlock,
        'forward',
        lambda self, *args: calls.append(self) or forward(self, *args),
    )
    samples = [random_sample(NYUD, (20, 24)) for _ in range(2)]
    inputs = pyramid()
    grads, numbers = [], []
    for one in (head, other):
        torch.manual_seed(3)
        calls.clear()
        sum(flatten_losses(one.loss(inputs, samples)).values()).backward()
        grads.append({n: p.grad for n, p in one.named_parameters()})
        numbers.append(len(calls))
    # Five blocks a stage (four private and a shared one), computed twice.
    again = 4 if with_cp is True else 2
    assert numbers == [20, 20 + 5 * again]
    for name, grad in grads[0].items():
        assert torch.allclose(grad, grads[1][name], atol=1e-5), name


def test_the_output_layer_starts_small_and_at_its_bias() -> None:
    tasks = head_tasks(NYUD)
    tasks['depth']['initial_bias'] = 2.5
    head = SharedAttentionHead(tasks=tasks, in_channels=[128], num_heads=[4])
    head.init_weights()
    for task, layer in head.classifiers.items():
        want = 2.5 if task == 'depth' else 0.0
        assert layer.bias.tolist() == [want] * len(layer.bias)
        assert 0.005 < layer.weight.std().item() < 0.015, task
    assert head.dropout.p == 0.1


def test_loaded_weights_survive_the_initialisation(tmp_path: Any) -> None:
    source = build()
    torch.save(source.state_dict(), tmp_path / 'head.pth')
    head = build(
        init_cfg=dict(type='Pretrained', checkpoint=str(tmp_path / 'head.pth'))
    )
    head.init_weights()
    for name, value in head.state_dict().items():
        assert torch.equal(value, source.state_dict()[name]), name
