"""Blocks on shifted windows: Swin's own, and several streams with one map."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from mmseg.models.backbones.swin import SwinBlock
from torch import Tensor, nn

from mmmtl.models.mult import window_block
from mmmtl.models.mult.decoder_stage import TokenUpsampling
from mmmtl.models.mult.window_block import WindowBlock

C, HEADS, WINDOW = 12, 3, 4
SHIFT = pytest.mark.parametrize('shift', [0, 2])
SIZE = pytest.mark.parametrize('size', [(8, 12), (5, 7), (2, 3), (4, 9)])


def build(
    streams: Any = ('a', 'b'), reference: str | None = None, **changes: Any
) -> WindowBlock:
    block = WindowBlock(
        C,
        **dict(
            streams=streams,
            reference=reference,
            num_heads=HEADS,
            window=WINDOW,
            shift=0,
            mlp_ratio=2,
            drop_path=0.0,
        )
        | changes,
    ).double()
    for parameter in block.parameters():  # zeros would hide a mistake
        nn.init.normal_(parameter, std=0.3)
    return block


def maps(size: tuple[int, int] = (5, 7), batch: int = 2) -> Tensor:
    return torch.randn(batch, *size, C, dtype=torch.float64)


def swin_block(block: WindowBlock) -> SwinBlock:
    """Mmseg's block with the weights of a block of one stream."""
    found = SwinBlock(
        C, HEADS, 2 * C, window_size=block.window, shift=block.shift > 0
    ).double()
    (own,) = block.streams.values()
    attention, ffn = found.attn.w_msa, found.ffn.layers
    with torch.no_grad():
        for name in ('weight', 'bias'):
            pair = (block.query_key, own.value)
            joined = torch.cat([getattr(layer, name) for layer in pair])
            getattr(attention.qkv, name).copy_(joined)
        attention.relative_position_bias_table.copy_(block.bias.table)
        for theirs, ours in (
            (attention.proj, own.projection),
            (found.norm1, own.norm1),
            (found.norm2, own.norm2),
            (ffn[0][0], own.mlp[0]),
            (ffn[1], own.mlp[2]),
        ):
            theirs.load_state_dict(ours.state_dict())
    return found


@pytest.mark.parametrize(('window', 'shift'), [(4, 0), (4, 2), (5, 2)])
@SIZE
def test_one_stream_is_a_block_of_swin(
    size: tuple[int, int], window: int, shift: int
) -> None:
    """Mmseg's block, gradients included, with padding and with a mask."""
    block = build(['a'], 'a', window=window, shift=shift)
    other = swin_block(block)
    x, y = (maps(size).requires_grad_() for _ in range(2))
    with torch.no_grad():
        y.copy_(x)
    found = block({'a': x}, torch.empty_like(x))['a']
    want = other(y.flatten(1, 2), size).view_as(y)
    assert torch.allclose(found, want, rtol=0, atol=1e-12)
    weights = torch.randn_like(found)
    (found * weights).sum().backward()
    (want * weights).sum().backward()
    assert torch.allclose(x.grad, y.grad, rtol=0, atol=1e-11)
    both = torch.cat(
        [block.query_key.bias.grad, block.streams.a.value.bias.grad]
    )
    assert torch.allclose(both, other.attn.w_msa.qkv.bias.grad, atol=1e-11)
    assert torch.allclose(
        block.bias.table.grad,
        other.attn.w_msa.relative_position_bias_table.grad,
        atol=1e-11,
    )


class Calls:
    """Stands in for the attention and keeps what it was given."""

    def __init__(self) -> None:
        self.maps: list[Tensor] = []
        self.values: list[Tensor] = []

    def __call__(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        *,
        bias: Tensor,
        mask: Tensor | None,
    ) -> Tensor:
        scores = query @ key.mT / query.shape[-1] ** 0.5 + bias
        if mask is not None:
            scores = scores + mask[:, None]
        self.maps.append(scores.softmax(-1))
        self.values.append(value)
        return self.maps[-1] @ value


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Calls:
    found = Calls()
    monkeypatch.setattr(window_block, 'attend', found)
    return found


@SHIFT
@pytest.mark.parametrize('reference', [None, 'b'])
def test_all_streams_get_the_same_map_from_one_call(
    calls: Calls, reference: str | None, shift: int
) -> None:
    """The map is computed once, and is the one of the reference alone."""
    names = ['a', 'b', 'c']
    block = build(names, reference, shift=shift)
    streams = {name: maps() for name in names}
    skip = maps()
    together = block(streams, skip)
    assert len(calls.maps) == 1
    width = C // HEADS
    assert calls.values[0].shape[-1] == 3 * width
    for index, name in enumerate(names):
        alone = build([name], reference and name, shift=shift)
        state = {
            key: value
            for key, value in block.state_dict().items()
            if not key.startswith('streams.') or f'.{name}.' in key
        }
        alone.load_state_dict(state)
        single = alone(streams, skip)[name]
        part = slice(index * width, (index + 1) * width)
        assert torch.allclose(calls.values[0][..., part], calls.values[-1])
        if reference in (None, name):
            assert torch.allclose(calls.maps[0], calls.maps[-1])
            assert torch.allclose(together[name], single, atol=1e-12)
        else:  # with a map of its own a stream comes out otherwise
            assert (together[name] - single).abs().max() > 1e-3


@pytest.mark.parametrize('reference', [None, 'c'])
def test_swapping_two_values_swaps_their_outputs(
    reference: str | None,
) -> None:
    block = build(['a', 'b', 'c'], reference)
    block.streams['b'].load_state_dict(block.streams['a'].state_dict())
    a, b, c, skip = (maps() for _ in range(4))
    found = block({'a': a, 'b': b, 'c': c}, skip)
    swapped = block({'a': b, 'b': a, 'c': c}, skip)
    assert (found['a'] - found['b']).abs().max() > 0.1
    assert torch.allclose(found['a'], swapped['b'], atol=1e-12)
    assert torch.allclose(found['b'], swapped['a'], atol=1e-12)
    assert torch.allclose(found['c'], swapped['c'], atol=1e-12)


def test_query_and_key_come_from_where_they_should() -> None:
    """The skip feature moves a block on the skip, and no other."""
    streams = {'a': maps(), 'b': maps()}
    skip, other = maps(), maps()
    on_skip, on_stream = build(), build(reference='b')
    assert not torch.allclose(
        on_skip(streams, skip)['a'], on_skip(streams, other)['a'], atol=1e-3
    )
    assert torch.equal(
        on_stream(streams, skip)['a'], on_stream(streams, other)['a']
    )
    # And of the streams only the reference moves the others.
    moved = {**streams, 'b': maps()}
    assert torch.equal(on_skip(streams, skip)['a'], on_skip(moved, skip)['a'])
    assert not torch.allclose(
        on_stream(streams, skip)['a'], on_stream(moved, skip)['a'], atol=1e-3
    )


def test_streams_are_dropped_independently() -> None:
    """With probability 1/2 per image, stream and residual."""
    block = build(['a', 'b'], drop_path=0.5).train()
    x = maps((4, 4), batch=64)
    found = block({'a': x, 'b': x}, x)
    kept = {name: (out == x).flatten(1).all(1) for name, out in found.items()}
    for untouched in kept.values():  # both residuals dropped: 1 in 4
        assert 4 <= untouched.sum() <= 32
    assert not torch.equal(kept['a'], kept['b'])
    block.eval()
    assert not (block({'a': x, 'b': x}, x)['a'] == x).flatten(1).all(1).any()


def test_weights_start_as_those_of_swin() -> None:
    block = WindowBlock(
        64,
        streams=['a'],
        reference=None,
        num_heads=2,
        window=7,
        shift=0,
        mlp_ratio=4,
        drop_path=0.0,
    )
    for name, parameter in block.named_parameters():
        if 'norm' in name:
            want = 1.0 if name.endswith('weight') else 0.0
            assert (parameter == want).all(), name
        elif name.endswith('bias'):
            assert (parameter == 0).all(), name
        else:
            assert 0.015 < parameter.std().item() < 0.025, name


def test_upsampling_by_hand() -> None:
    """Bilinear to 3 x 3, then norm, then the linear map."""
    layer = TokenUpsampling(4).double()
    x = torch.randn(1, 2, 2, 4, dtype=torch.float64)
    found = layer(x, (3, 3))
    # align_corners=False: the middle of three lies between the two.
    centre = x.mean((1, 2))
    normed = (centre - centre.mean()) / (
        centre.var(unbiased=False) + 1e-5
    ).sqrt()
    want = normed @ layer.reduction.weight.T
    assert found.shape == (1, 3, 3, 2)
    assert torch.allclose(found[:, 1, 1], want)
    assert layer.reduction.bias is None
