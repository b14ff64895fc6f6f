"""2D edges and 2D key points of a picture.

The scales are fixed, so that a value means the same in every picture.
"""

from __future__ import annotations

from typing import Any

import numpy as np

# A step of full contrast gives about 0.33 at sigma 1.1: a step of a quarter
# of the contrast already counts as 1.
_FULL_EDGE = 0.09

# Harris answers of corners lie around 1e-6 to 1e-4: the square root spreads
# them over the range.
_FULL_CORNER = 2e-5

_HARRIS_K = 0.05


def edges2d(image: np.ndarray) -> np.ndarray:
    """Strength of the grey picture's gradient, (H, W) float32 in 0..1.

    Gaussian blur (sigma 1.1), central differences, magnitude; linear up to a
    step of about a quarter of the full contrast, cut above.

    Args:
        image: (H, W, 3) RGB uint8.
    """
    gx, gy = _gradient(_blur(_grey(image), 1.1))
    return np.minimum(np.hypot(gx, gy) / _FULL_EDGE, 1).astype(np.float32)


def keypoints2d(image: np.ndarray) -> np.ndarray:
    """How much a pixel looks like a corner, (H, W) float32 in 0..1.

    Harris' measure (blur 1, window 1.5, k 0.05) of the grey picture,
    negative answers (edges) set to 0, then the square root of its share of a
    fixed full answer, cut at 1.

    Args:
        image: (H, W, 3) RGB uint8.
    """
    gx, gy = _gradient(_blur(_grey(image), 1.0))
    xx, yy, xy = (_blur(a, 1.5) for a in (gx * gx, gy * gy, gx * gy))
    harris = xx * yy - xy * xy - _HARRIS_K * (xx + yy) ** 2
    harris = np.maximum(harris, 0) / _FULL_CORNER
    return np.minimum(np.sqrt(harris), 1).astype(np.float32)


def _gradient(image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    padded = np.pad(image, 1, mode='edge')
    gx = 0.5 * (padded[1:-1, 2:] - padded[1:-1, :-2])
    gy = 0.5 * (padded[2:, 1:-1] - padded[:-2, 1:-1])
    return gx, gy


def _blur(image: np.ndarray, sigma: float) -> np.ndarray:
    """Separable gaussian, three sigmas wide, border repeated."""
    radius = int(3 * sigma + 0.5)
    steps = np.arange(-radius, radius + 1)
    kernel = np.exp(-0.5 * (steps / sigma) ** 2)
    kernel = (kernel / kernel.sum()).astype(np.float32)
    for axis in (0, 1):
        pad = [(0, 0), (0, 0)]
        pad[axis] = (radius, radius)
        padded = np.pad(image, pad, mode='edge')
        size = image.shape[axis]
        total: Any = sum(
            float(weight) * padded.take(range(i, i + size), axis)
            for i, weight in enumerate(kernel)
        )
        image = total
    return image


def _grey(image: np.ndarray) -> np.ndarray:
    red, green, blue = np.moveaxis(image.astype(np.float32) / 255, -1, 0)
    return 0.299 * red + 0.587 * green + 0.114 * blue
