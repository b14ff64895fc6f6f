from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from mmmtl.models.demt import DeformableMixer
from mmmtl.models.demt.deformable_mixer import ChannelGather, ChannelMix
from tests.reference import demt
from tests.tiny import NYUD

CHANNELS = (3, 5, 2)
SIZES = ((9, 11), (5, 6), (3, 3))
C = 8


def build(**arguments: Any) -> DeformableMixer:
    return DeformableMixer(
        **dict(in_channels=CHANNELS, channels=C, tasks=NYUD) | arguments
    )


def pyramid() -> list[Tensor]:
    return [
        torch.randn(2, c, *size)
        for c, size in zip(CHANNELS, SIZES, strict=True)
    ]


@pytest.mark.parametrize('order', ['mix_gather', 'gather_mix'])
@pytest.mark.parametrize('training', [True, False])
def test_equals_the_transcription(order: Any, training: bool) -> None:
    neck = build(depth=2, block_order=order).train(training)
    maps = pyramid()
    mixed = neck(maps)
    assert list(mixed) == list(NYUD)
    for task in NYUD:
        want = demt.mix(neck.mixers[task], demt.project(neck, maps))
        assert torch.allclose(mixed[task], want, atol=1e-4), task


def test_orders_of_the_block() -> None:
    """A residual comes last in the new order and first in the old."""
    kinds = {
        order: [
            type(step) for step in build(block_order=order).mixers['edge'][0]
        ]
        for order in ('mix_gather', 'gather_mix')
    }
    assert kinds['mix_gather'] == [ChannelMix, ChannelGather]
    assert kinds['gather_mix'] == [ChannelGather, ChannelMix]


def test_weights_of_the_other_order_do_not_load() -> None:
    state = build(block_order='gather_mix').state_dict()
    with pytest.raises(RuntimeError, match='Missing key'):
        build(block_order='mix_gather').load_state_dict(state)


def test_tasks_have_mixers_of_their_own() -> None:
    neck = build()
    mixed = neck(pyramid())
    assert not torch.allclose(mixed['depth'], mixed['edge'], atol=0.1)
    mixed['depth'].sum().backward()
    for name, parameter in neck.named_parameters():
        shared = name.startswith(('projection.', 'norm.'))
        mine = name.startswith('mixers.depth.')
        assert (parameter.grad is not None) == (shared or mine), name


def test_permuting_the_tasks_permutes_the_outputs() -> None:
    neck, other = build().eval(), build(tasks=NYUD[::-1]).eval()
    other.load_state_dict(neck.state_dict())
    maps = pyramid()
    ours, theirs = neck(maps), other(maps)
    assert list(theirs) == list(NYUD[::-1])
    for task in NYUD:
        assert torch.equal(ours[task], theirs[task]), task


def test_without_tasks_it_gives_a_pyramid_of_one() -> None:
    neck = build(tasks=None).eval()
    maps = pyramid()
    mixed = neck(maps)
    assert isinstance(mixed, tuple)
    assert len(mixed) == 1
    want = demt.mix(neck.mixers['all'], demt.project(neck, maps))
    assert torch.allclose(mixed[0], want, atol=1e-4)


def test_every_parameter_has_a_gradient() -> None:
    neck = build(depth=2)
    sum(m.square().sum() for m in neck(pyramid()).values()).backward()
    missing = [n for n, p in neck.named_parameters() if p.grad is None]
    assert missing == []


@pytest.mark.parametrize('depth', [1, 2])
def test_size_is_the_closed_form(depth: int) -> None:
    """From the widths: Cin d + 3 d shared; T k mixers of the terms below."""
    d, tasks = C, len(NYUD)
    projection = sum(CHANNELS) * d + d + 2 * d
    mix = d * d + d + 2 * d
    deform = d * d + d
    learned = 9 * d * 18 + 18
    expand = 9 * 9 * 2 * d + 2 * d
    mixer = mix + deform + learned + expand + 2 * d
    want = projection + tasks * depth * mixer
    neck = build(depth=depth)
    assert sum(p.numel() for p in neck.parameters()) == want
    # No buffer but the running statistics: no fixed offset pattern.
    buffers = {n.rpartition('.')[2] for n, _ in neck.named_buffers()}
    assert buffers == {'running_mean', 'running_var', 'num_batches_tracked'}


def test_a_norm_of_the_config_is_used() -> None:
    neck = build(norm_cfg=dict(type='GN', num_groups=2))
    kinds = {type(step.norm) for step in neck.mixers['edge'][0]}
    assert kinds == {nn.GroupNorm}


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (dict(block_order='gm'), "block_order='gm'"),
        (dict(tasks=['depth', 'depth']), 'more than once'),
        (dict(tasks=['sal']), "unknown task 'sal'"),
        (dict(deform_backend='cuda'), 'cuda'),
    ],
)
def test_settings_are_checked(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build(**arguments)
