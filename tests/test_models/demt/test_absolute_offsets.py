from __future__ import annotations

import itertools

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from mmmtl.models.demt.deformable_mixer import AbsoluteOffsets

HEIGHT, WIDTH = 4, 5
TAPS = list(itertools.product((-1, 0, 1), repeat=2))  # (dy, dx), row-major


def without_learned(channels: int) -> AbsoluteOffsets:
    layer = AbsoluteOffsets(channels)
    torch.nn.init.zeros_(layer.learned.bias)  # the weight starts at zero
    return layer


def closed_form(layer: AbsoluteOffsets, channels: int) -> Tensor:
    """Offsets of a layer whose learned part is zero, by the formula.

    Plane k of the rows holds (y + 1) + dy_k, plane k of the columns
    (x + 1) + dx_k; outside the image planes are 0. Output c is
    bias_c + sum over k, i, j of w[c, k, i, j] * plane_k(y + i, x + j).
    """
    weight, bias = layer.expand.weight, layer.expand.bias
    out = torch.empty(2 * channels, HEIGHT, WIDTH)
    for c, y, x in itertools.product(
        range(2 * channels), range(HEIGHT), range(WIDTH)
    ):
        total = float(bias[c])
        for (k, tap), (i, j) in itertools.product(enumerate(TAPS), TAPS):
            row, column = y + i, x + j
            if not (0 <= row < HEIGHT and 0 <= column < WIDTH):
                continue
            plane = row + 1 + tap[0] if c < channels else column + 1 + tap[1]
            total += float(weight[c, k, i + 1, j + 1]) * plane
        out[c, y, x] = total
    return out


@torch.no_grad()
def test_closed_form_border_included() -> None:
    layer = without_learned(4)
    features = torch.randn(2, 4, HEIGHT, WIDTH)
    found = layer(features)
    want = closed_form(layer, 4)
    for image in found:  # absolute position: the same for all images
        assert torch.allclose(image, want, atol=1e-5)


@torch.no_grad()
def test_first_half_sees_rows_second_half_columns() -> None:
    layer = without_learned(6)
    # The border ring differs by the zero padding.
    offsets = layer(torch.randn(1, 6, 9, 11))[0, :, 1:-1, 1:-1]
    rows, columns = offsets.split(6)
    # One pixel further adds the sum of the filter; across, nothing changes.
    slopes = layer.expand.weight.sum((1, 2, 3)).view(12, 1, 1)
    for found, want in [
        (rows.diff(dim=1), slopes[:6]),
        (rows.diff(dim=2), torch.zeros(())),
        (columns.diff(dim=2), slopes[6:]),
        (columns.diff(dim=1), torch.zeros(())),
    ]:
        assert torch.allclose(found, want.expand_as(found), atol=1e-4)


@torch.no_grad()
def test_the_learned_part_is_added_to_the_position() -> None:
    layer = without_learned(4)
    features = torch.randn(2, 4, HEIGHT, WIDTH)
    still = layer(features)
    layer.learned.weight.normal_()
    moved = layer(features) - still
    learned = F.conv2d(features, layer.learned.weight, padding=1)
    want = F.conv2d(learned, layer.expand.weight, padding=1, groups=2)
    assert torch.allclose(moved, want, atol=1e-4)


@torch.no_grad()
def test_at_the_start_offsets_are_tens_of_pixels() -> None:
    """Measured on the released code at 107x140: 28 px, 65 % inside."""
    offsets = AbsoluteOffsets(256)(torch.randn(1, 256, 107, 140))[0]
    assert float(offsets.abs().mean()) == pytest.approx(28, abs=2)
    down, right = offsets[0::2], offsets[1::2]
    y = torch.arange(107.0)[:, None] + down
    x = torch.arange(140.0) + right
    inside = (y > -1) & (y < 107) & (x > -1) & (x < 140)
    assert float(inside.float().mean()) == pytest.approx(0.65, abs=0.02)


def test_the_learned_part_starts_flat_and_learns() -> None:
    layer = AbsoluteOffsets(4)
    assert layer.learned.weight.abs().max() == 0
    # U(+-1 / sqrt(9 * 4)), PyTorch's default for the bias.
    assert 0 < layer.learned.bias.abs().max() <= 1 / 6
    layer(torch.randn(1, 4, HEIGHT, WIDTH)).square().sum().backward()
    for name, parameter in layer.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().max() > 0, name


@torch.no_grad()
def test_mixed_precision_keeps_the_places() -> None:
    """Half precision would round 100 px by up to half a pixel."""
    layer = AbsoluteOffsets(8)
    features = torch.randn(1, 8, 60, 100)
    exact = layer(features)
    with torch.autocast('cpu', dtype=torch.bfloat16):
        found = layer(features)
    assert found.dtype == torch.float32
    assert float((found - exact).abs().max()) < 0.02
