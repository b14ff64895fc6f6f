"""Cutting maps into shifted windows, and putting them together."""

from __future__ import annotations

import pytest
import torch

from mmmtl.models.layers.windows import WindowGrid

C, HEADS, WINDOW = 12, 3, 4
SHIFT = pytest.mark.parametrize('shift', [0, 2])
SIZE = pytest.mark.parametrize('size', [(8, 12), (5, 7), (2, 3), (4, 9)])


@SHIFT
@SIZE
def test_merge_undoes_split(size: tuple[int, int], shift: int) -> None:
    grid = WindowGrid(size, window=WINDOW, shift=shift)
    x = torch.randn(2, *size, C)
    windows = grid.split(x, fill=torch.zeros(C), parts=1, num_heads=HEADS)[0]
    count = -(-size[0] // WINDOW) * -(-size[1] // WINDOW)
    assert windows.shape == (2, count, HEADS, WINDOW**2, C // HEADS)
    assert torch.equal(grid.merge(windows), x)


def test_mask_parts_what_the_shift_brought_together() -> None:
    """A row of 6 pixels in windows of 4, shifted by 2: 2345 and 67|01."""
    grid = WindowGrid((4, 6), window=4, shift=2)
    mask = grid.mask(torch.zeros(()))
    assert mask.shape == (2, 16, 16)
    # Both windows hold rows 2, 3 and then, from around the border, 0, 1.
    first_row = mask[:, :4, :4]
    assert first_row[0].tolist() == [[0.0] * 4] * 4
    near, far = [0.0, 0.0, -100.0, -100.0], [-100.0, -100.0, 0.0, 0.0]
    assert first_row[1].tolist() == [near, near, far, far]
    assert mask[0, :4, 8:12].tolist() == [[-100.0] * 4] * 4
    assert WindowGrid((4, 6), window=4, shift=0).mask(mask) is None


def test_windows_and_their_tokens_go_row_by_row() -> None:
    maps = torch.arange(24.0).view(1, 4, 6, 1)
    grid = WindowGrid((4, 6), window=2, shift=0)
    cut = grid.split(maps, fill=torch.zeros(1), parts=1, num_heads=1)
    assert cut.shape == (1, 1, 6, 1, 4, 1)
    assert cut[0, 0, 1, 0, :, 0].tolist() == [2, 3, 8, 9]
    assert cut[0, 0, 3, 0, :, 0].tolist() == [12, 13, 18, 19]


def test_parts_and_heads_are_consecutive_channels() -> None:
    maps = torch.arange(12.0).expand(1, 2, 2, 12)
    grid = WindowGrid((2, 2), window=2, shift=0)
    cut = grid.split(maps, fill=torch.zeros(12), parts=3, num_heads=2)
    assert cut.shape == (3, 1, 1, 2, 4, 2)
    assert cut[1, 0, 0, :, 0].tolist() == [[4, 5], [6, 7]]


def test_padded_tokens_are_the_fill() -> None:
    """3x1 pixels in windows of 2: the right column and the last row."""
    fill = torch.tensor([7.0, 8.0], requires_grad=True)
    grid = WindowGrid((3, 1), window=2, shift=0)
    cut = grid.split(torch.zeros(2, 3, 1, 2), fill=fill, parts=1, num_heads=1)
    assert cut[0, 0, 0, 0].tolist() == [[0, 0], [7, 8]] * 2
    assert cut[0, 0, 1, 0].tolist() == [[0, 0], [7, 8], [7, 8], [7, 8]]
    cut.sum().backward()
    assert fill.grad.tolist() == [10, 10]  # 5 padded tokens in 2 images
