"""Errors of real values."""

from __future__ import annotations

import numpy as np


def scalar_error_sums(prediction: np.ndarray, label: np.ndarray) -> np.ndarray:
    """Sum the errors of one image.

    Args:
        prediction: ``(N,)`` values of the valid pixels, not clamped.
        label: ``(N,)`` values of the same pixels.

    Returns:
        ``(2,)`` float64: sum of the absolute and of the squared errors.
    """
    error = prediction.astype(np.float64) - label
    return np.array([np.abs(error).sum(), (error**2).sum()])


def scalar_scores(sums: np.ndarray, count: int) -> dict[str, float]:
    """Turn sums over the data set into errors.

    Convention:
        Every valid pixel of the data set counts the same.

    Args:
        sums: ``(2,)`` of :func:`scalar_error_sums`, added over the images.
        count: Number of valid pixels > 0.

    Returns:
        ``mae`` and ``rmse``, in the unit of the label.
    """
    absolute, squared = (float(value) for value in sums / count)
    return {'mae': absolute, 'rmse': squared**0.5}
