"""Precision and recall of probability maps at several thresholds."""

from __future__ import annotations

import numpy as np


def threshold_counts(
    probability: np.ndarray, label: np.ndarray, thresholds: np.ndarray
) -> np.ndarray:
    """Count hits at every threshold.

    Args:
        probability: ``(N,)`` float values of the valid pixels; positive
            where >= the threshold.
        label: ``(N,)`` labels in {0, 1} of the same pixels.
        thresholds: ``(M,)`` rising values of the same type, so that both
            sides of the comparison are rounded alike.

    Returns:
        ``(3, M)`` int64: true positives, predicted positives, labelled
        positives (the same at every threshold).
    """
    positive = label == 1
    # Number of thresholds that a pixel reaches.
    reached = np.searchsorted(thresholds, probability, side='right')
    size = len(thresholds) + 1
    counts = [
        np.bincount(values, minlength=size)[::-1].cumsum()[::-1][1:]
        for values in (reached[positive], reached)
    ]
    total = np.full(len(thresholds), np.count_nonzero(positive))
    return np.stack([*counts, total]).astype(np.int64)


def f_measure(counts: np.ndarray, *, beta_squared: float) -> np.ndarray:
    """Combine precision ``P`` and recall ``R`` at every threshold.

    ``(1 + b) P R / (b P + R)``, ``b = beta_squared``; 0 where it is 0/0.

    Args:
        counts: ``(3, M)``, summed over the data set.
        beta_squared: 1 weighs both alike, less favours precision.

    Returns:
        ``(M,)`` float64 in 0..1.
    """
    hits, predicted, labelled = counts
    # The same fraction with P = hits / predicted, R = hits / labelled put in.
    whole = beta_squared * labelled + predicted
    return (1 + beta_squared) * hits / np.maximum(whole, 1e-12)


def mask_scores(counts: np.ndarray) -> dict[str, float]:
    """Compare masks by their overlap.

    Args:
        counts: ``(3,)`` hits, predicted and labelled pixels (> 0), summed
            over the data set.

    Returns:
        In percent: ``IoU`` of the pixels that are 1; ``F``, ``precision``
        (0 where nothing is predicted) and ``recall``.
    """
    hits, predicted, labelled = (float(count) for count in counts)
    return {
        'IoU': 100 * hits / (predicted + labelled - hits),
        'F': 100 * 2 * hits / (predicted + labelled),
        'precision': 100 * hits / max(predicted, 1.0),
        'recall': 100 * hits / labelled,
    }
