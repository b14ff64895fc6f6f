"""Cutting maps into windows, as Swin Transformer does.

Source: "Swin Transformer", Liu et al., ICCV 2021.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

# Not minus infinity: what the released models were trained with.
FORBIDDEN = -100.0


def pad_to_windows(feature: Tensor, window: int) -> Tensor:
    """Pad ``(B, h, w, C)`` with 0 to multiples of the window, at the end."""
    height, width = feature.shape[1:3]
    return F.pad(feature, (0, 0, 0, -width % window, 0, -height % window))


def to_windows(feature: Tensor, window: int) -> Tensor:
    """Cut ``(B, h, w, C)`` into ``(B, windows, window ** 2, C)``."""
    rows, columns = feature.shape[1] // window, feature.shape[2] // window
    cut = feature.unflatten(2, (columns, window)).unflatten(1, (rows, window))
    # (B, rows, window, columns, window, C)
    return cut.transpose(2, 3).flatten(3, 4).flatten(1, 2)


def from_windows(
    windows: Tensor, window: int, size: tuple[int, int]
) -> Tensor:
    """Undo :func:`to_windows`.

    Args:
        windows: ``(B, windows, window ** 2, C)``.
        window: Width of a window.
        size: ``(h, w)`` of the map, multiples of the window.

    Returns:
        ``(B, h, w, C)``.
    """
    rows, columns = size[0] // window, size[1] // window
    cut = windows.unflatten(2, (window, window))
    cut = cut.unflatten(1, (rows, columns)).transpose(2, 3)
    return cut.flatten(3, 4).flatten(1, 2)


def shift_mask(
    size: tuple[int, int], window: int, shift: int, device: torch.device
) -> Tensor:
    """Return what is added to the scores of a shifted map.

    After the shift the last window of a row or column holds pixels of both
    ends of the map, which are no neighbours and must not see each other.

    Args:
        size: ``(h, w)`` of the padded map.
        window: Width of a window.
        shift: Pixels by which the map is shifted.
        device: Where the mask is wanted.

    Returns:
        ``(windows, window ** 2, window ** 2)``: 0 or ``FORBIDDEN``.
    """
    bands = []
    for length in size:
        place = torch.arange(length, device=device)
        bands.append(
            (place >= length - window).long() + (place >= length - shift)
        )
    region = 3 * bands[0][:, None] + bands[1]
    region = to_windows(region[None, ..., None], window)[0, ..., 0]
    apart = region[:, :, None] != region[:, None]
    return apart * FORBIDDEN


def relative_positions(window: int) -> Tensor:
    """Number the displacements between the pixels of a window.

    Args:
        window: Width of a window.

    Returns:
        ``(window ** 2, window ** 2)`` indices of a table of ``(2 window - 1)
        ** 2`` displacements.
    """
    place = torch.arange(window * window)
    row, column = place // window, place % window
    down = row[:, None] - row + window - 1
    right = column[:, None] - column + window - 1
    return down * (2 * window - 1) + right
