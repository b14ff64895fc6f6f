from __future__ import annotations

import pytest
import torch
from torch import Tensor

from mmmtl.models.sca_mtl import WindowSelfAttention
from mmmtl.models.sca_mtl.window_self_attention import largest_divisor

PYRAMID = (18, 36)


def build(**changes: object) -> WindowSelfAttention:
    return WindowSelfAttention(**dict(in_channels=PYRAMID) | changes)


def levels(size: tuple = (13, 18)) -> list[Tensor]:
    h, w = size
    return [torch.randn(2, 18, h, w), torch.randn(2, 36, -(-h // 2), w // 2)]


def test_the_level_follows_its_attended_self() -> None:
    neck, inputs = build().eval(), levels()
    assert neck.out_channels == (36, 72)
    for index, found in enumerate(neck(inputs)):
        own = inputs[index]
        assert found.shape == (2, 2 * own.shape[1], *own.shape[2:])
        attended, kept = found.chunk(2, dim=1)
        assert torch.equal(kept, own)
        assert torch.equal(attended, neck.stages[index](own))
        # A fresh norm's output, pixel by pixel.
        assert attended.mean(1).abs().max() < 1e-5


def test_without_concatenation_the_channels_stay() -> None:
    both, alone = build().eval(), build(concat=False).eval()
    alone.load_state_dict(both.state_dict())
    inputs = levels()
    assert alone.out_channels == PYRAMID
    for wide, narrow in zip(both(inputs), alone(inputs), strict=True):
        assert torch.equal(wide[:, : narrow.shape[1]], narrow)


def test_defaults_are_the_published_ones() -> None:
    neck = build()
    for stage in neck.stages:
        assert [b.shift for b in stage.blocks] == [0, 3]
        assert [b.attention.num_heads for b in stage.blocks] == [6, 6]
        assert [b.drop_path.drop_prob for b in stage.blocks] == [0.0, 0.2]


@pytest.mark.parametrize(
    ('number', 'limit', 'want'),
    [(18, 6, 6), (96, 6, 6), (64, 6, 4), (8, 6, 4), (7, 6, 1), (25, 6, 5)],
)
def test_heads_are_the_largest_divisor(
    number: int, limit: int, want: int
) -> None:
    assert largest_divisor(number, limit) == want
    neck = build(in_channels=(number,), num_heads=limit)
    assert neck.stages[0].blocks[0].attention.num_heads == want


def test_a_far_pixel_is_seen_through_the_shift_only() -> None:
    """Pixel (0, 7) is in the next window of 7; block 2 connects them."""
    level = torch.randn(1, 18, 7, 14)
    other = level.clone()
    other[..., 0, 7] += 1.0

    def moved(neck: WindowSelfAttention) -> Tensor:
        before, after = (neck.eval()([x])[0] for x in (level, other))
        return (before - after).abs().amax(1)[0, 0] > 1e-6

    plain = moved(build(in_channels=(18,), depth=1, concat=False))
    assert plain.tolist() == [False] * 7 + [True] * 7
    both = moved(build(in_channels=(18,), depth=2, concat=False))
    # The shifted windows start at 3 and 10.
    assert both.tolist() == [False] * 3 + [True] * 11


def test_every_parameter_has_a_gradient() -> None:
    torch.manual_seed(0)
    neck = build(drop_path_rate=0.0).train()
    outputs = neck(levels())
    sum((x * torch.randn_like(x)).sum() for x in outputs).backward()
    for name, parameter in neck.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().max() > 0, name


def test_another_pyramid_is_refused() -> None:
    with pytest.raises(
        ValueError,
        match=r'channels \[36, 18\], but in_channels=\[18, 36\]: set in_ch',
    ):
        build()(levels()[::-1])


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        (dict(in_channels=[]), r'in_channels=\[\]: .* at least 1 level,'),
        (
            dict(in_channels=[18, 0]),
            r'in_channels\[1\]=0: give a whole',
        ),
        (dict(depth=0), 'depth=0: give a whole number'),
        (dict(num_heads=0), 'num_heads=0: give a whole number'),
        (dict(window_size=0), 'window_size=0: give a whole number'),
        (dict(window_size='7'), "window_size='7': give a whole number"),
        (dict(concat='no'), "concat='no': give True or False"),
        (dict(drop_path_rate=1.0), r'drop_path_rate=1.0: give a share of 0'),
    ],
)
def test_refusals(changes: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build(**changes)
