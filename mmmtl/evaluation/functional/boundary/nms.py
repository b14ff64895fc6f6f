"""Non-maximum suppression of soft boundary maps, across the line."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import convolve1d

# Triangle filter of radius 4, which tells the direction of a line.
_TRIANGLE = np.array([1, 2, 3, 4, 5, 4, 3, 2, 1]) / 25
# A pixel may be this factor below its neighbour across the line and stay.
_SLACK = 1.01
# Columns and rows at the border that are faded out.
_BORDER = 5


def suppress_non_maxima(strength: np.ndarray) -> np.ndarray:
    """Keep the crest of every line.

    Convention:
        A pixel becomes 0 where 1.01 times its strength is below the strength
        one pixel ahead or behind, across the line, bilinearly interpolated.
        Then the outermost five columns and rows fade to 0.

    Args:
        strength: ``(H, W)``, 0 to 1.

    Returns:
        ``(H, W)`` float64: the strength, or 0.
    """
    strength = np.asarray(strength, dtype=np.float64)
    if min(strength.shape) < 2:
        return np.zeros_like(strength)  # all of it is border
    y, x = np.nonzero(strength)
    angle = _across(strength)[y, x]
    value = strength[y, x]
    keep = np.ones(len(value), dtype=bool)
    for side in (-1, 1):
        beside = _sample(
            strength, y + side * np.sin(angle), x + side * np.cos(angle)
        )
        keep &= _SLACK * value >= beside
    thin = np.zeros_like(strength)
    thin[y[keep], x[keep]] = value[keep]
    return _fade_border(thin)


def _across(strength: np.ndarray) -> np.ndarray:
    """Return the angle across the line at every pixel, in [0, pi)."""
    smooth = convolve1d(strength, _TRIANGLE, axis=0, mode='reflect')
    smooth = convolve1d(smooth, _TRIANGLE, axis=1, mode='reflect')
    dy, dx = np.gradient(smooth)
    dxx = np.gradient(dx, axis=1)
    dyy, dxy = np.gradient(dy)
    # 1e-5 as in the reference, whose angles shift by it where dxx is small.
    slope = dyy * np.sign(-dxy) / (dxx + 1e-5)
    return np.mod(np.arctan(slope), np.pi)


def _sample(values: np.ndarray, y: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Interpolate bilinearly; places outside are moved to the border."""
    height, width = values.shape
    y = np.clip(y, 0, height - 1.001)
    x = np.clip(x, 0, width - 1.001)
    y0, x0 = y.astype(np.intp), x.astype(np.intp)
    dy, dx = y - y0, x - x0
    upper = values[y0, x0] * (1 - dx) + values[y0, x0 + 1] * dx
    lower = values[y0 + 1, x0] * (1 - dx) + values[y0 + 1, x0 + 1] * dx
    return upper * (1 - dy) + lower * dy


def _fade_border(values: np.ndarray) -> np.ndarray:
    """Scale the outer rows and columns by 0, 1/5, ... 4/5, in place."""
    for axis, length in enumerate(values.shape):
        band = min(_BORDER, length // 2)
        scale = np.ones(length)
        scale[:band] = np.arange(band) / band
        scale[length - band :] = scale[:band][::-1]
        values *= np.expand_dims(scale, 1 - axis)
    return values
