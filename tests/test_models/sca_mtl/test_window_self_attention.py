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


def test_another_pyramid_does_not_pass() -> None:
    for wrong in (levels()[::-1], levels()[:1]):
        with pytest.raises((ValueError, RuntimeError)):
            build()(wrong)


@pytest.mark.parametrize('rate', [1.0, -0.1, 20])
def test_a_rate_that_is_no_share_is_refused(rate: float) -> None:
    with pytest.raises(ValueError, match=f'drop_path_rate={rate}: give a sh'):
        build(drop_path_rate=rate)
