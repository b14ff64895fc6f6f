"""Bilinear resizing as every part of mmmtl does it."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor


def resize_bilinear(maps: Tensor, size: tuple[int, ...]) -> Tensor:
    """Resize to an exact size; nothing is copied if it already fits.

    Convention:
        ``align_corners=False``: pixels are squares, corners of the image
        meet.

    Args:
        maps: ``(B, C, h, w)``.
        size: ``(H, W)``.

    Returns:
        ``(B, C, H, W)``.
    """
    if tuple(maps.shape[-2:]) == tuple(size):
        return maps
    return F.interpolate(maps, size, mode='bilinear', align_corners=False)
