"""From counts to the three scores of boundary detection."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

# Points between two neighbouring thresholds at which F is looked up, ends
# included.
_BETWEEN = np.linspace(0, 1, 100)
# Recalls at which precision is looked up for AP.
_RECALLS = np.arange(101) / 100


@dataclass(frozen=True)
class BoundaryScores:
    """Scores of a data set, in 0..1.

    Attributes:
        ods_f: Best F at one threshold for all images.
        ods_threshold: That threshold.
        ods_recall: Recall there.
        ods_precision: Precision there.
        ois_f: F of the counts at each image's own best threshold.
        ap: Area under the precision-recall curve.
    """

    ods_f: float
    ods_threshold: float
    ods_recall: float
    ods_precision: float
    ois_f: float
    ap: float


def best_counts(counts: np.ndarray) -> np.ndarray:
    """Return an image's counts at its best threshold.

    Args:
        counts: ``(4, K)`` of one image.

    Returns:
        ``(4,)``; of equally good thresholds those of the highest.
    """
    f = f_score(*recall_precision(counts))
    return counts[:, np.flatnonzero(f == f.max())[-1]]


def boundary_scores(
    counts: np.ndarray,
    best: np.ndarray,
    thresholds: np.ndarray,
    *,
    interpolate: bool = True,
) -> BoundaryScores:
    """Compute the scores of a data set.

    Convention:
        Counts are added over images first (``ois_f``: at each image's best
        threshold). ``ods_f`` may lie between two thresholds, where recall
        and precision are interpolated linearly (not with
        ``interpolate=False``). ``ap`` adds the precision
        at the recalls 0, 0.01, ... 1, each times 0.01, interpolated linearly
        between measured recalls and 0 beyond them; of several thresholds
        with the same recall the lowest counts.

    Args:
        counts: ``(4, K)``, added over the images.
        best: ``(4,)`` :func:`best_counts`, added over the images.
        thresholds: ``(K,)`` rising.
        interpolate: Look for the best F between thresholds too.

    Raises:
        ValueError: If no label pixel is a boundary: recall is 0/0 then.
    """
    if not counts[1].any():
        raise ValueError(
            'no pixel of the ground truth is a boundary: check the labels'
        )
    recall, precision = recall_precision(counts)
    curves = (thresholds, recall, precision)
    if interpolate:
        curves = tuple(map(_fill_between, curves))
    threshold, r, p = _best_point(*curves)
    return BoundaryScores(
        ods_f=float(f_score(r, p)),
        ods_threshold=threshold,
        ods_recall=r,
        ods_precision=p,
        ois_f=float(f_score(*recall_precision(best))),
        ap=_average_precision(recall, precision),
    )


def recall_precision(counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return recall and precision, 0 where they are 0/0.

    Args:
        counts: ``(4, ...)`` as of :func:`~.counts.image_counts`.
    """
    return (
        counts[0] / np.maximum(counts[1], 1),
        counts[2] / np.maximum(counts[3], 1),
    )


def f_score(recall: np.ndarray, precision: np.ndarray) -> np.ndarray:
    """Return the harmonic mean ``2 R P / (R + P)``, 0 where it is 0/0."""
    whole = recall + precision
    return 2 * recall * precision / np.where(whole == 0, 1, whole)


def _fill_between(curve: np.ndarray) -> np.ndarray:
    """Put 100 points between any two, ends included."""
    low, high = curve[:-1, None], curve[1:, None]
    between = high * _BETWEEN + low * (1 - _BETWEEN)  # (K - 1, 100)
    # The first point alone if there is no other.
    return np.concatenate([curve[:1], between.ravel()])


def _best_point(
    thresholds: np.ndarray, recall: np.ndarray, precision: np.ndarray
) -> tuple[float, float, float]:
    """Return threshold, recall and precision where F is highest."""
    best = int(np.argmax(f_score(recall, precision)))
    return (
        float(thresholds[best]),
        float(recall[best]),
        float(precision[best]),
    )


def _average_precision(recall: np.ndarray, precision: np.ndarray) -> float:
    recall, first = np.unique(recall, return_index=True)
    if len(recall) < 2:
        return 0.0
    found = np.interp(_RECALLS, recall, precision[first], left=0.0, right=0.0)
    return float(found.sum() / 100)
