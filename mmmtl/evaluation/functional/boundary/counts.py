"""Counts of one image, and the scores that follow from their sum."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from mmmtl.evaluation.functional.boundary.matching import match_stack
from mmmtl.evaluation.functional.boundary.nms import suppress_non_maxima
from mmmtl.geometry.level_stack import cut_levels
from mmmtl.geometry.thinning import thin as thin_map
from mmmtl.geometry.thinning import thin_stack

# Points between two neighbouring thresholds at which F is looked up, ends
# included.
_BETWEEN = np.linspace(0, 1, 100)
# Recalls at which precision is looked up for AP.
_RECALLS = np.arange(101) / 100


def even_thresholds(number: int) -> np.ndarray:
    """Return ``k / (number + 1)`` for k = 1 ... number, float64."""
    return np.arange(1, number + 1) / (number + 1)


def protocol_thresholds(
    protocol: Literal['berkeley', 'seism'], number: int | None = None
) -> np.ndarray:
    """Return the thresholds of a protocol, float64.

    Args:
        protocol: ``'berkeley'``: 0.01, 0.02, ... 0.99. ``'seism'``: 0.001
            and 0.999 too, as in its ``parameters/HED.txt``
            (prismformore/Boundary-Detection-Evaluation-Tools at 1c3b850).
        number: So many evenly spaced ones in place of them.
    """
    if number is not None:
        return even_thresholds(number)
    even = even_thresholds(99)
    if protocol == 'berkeley':
        return even
    return np.concatenate([[0.001], even, [0.999]])


def to_grey(probability: np.ndarray) -> np.ndarray:
    """Return a float map as an 8 bit picture, cut off and not rounded.

    The published protocol evaluates pictures that were written like this, so
    a map in memory and its picture give the same counts.

    Args:
        probability: Any shape; what is outside of 0..1 becomes 0 or 1.

    Returns:
        uint8, same shape.
    """
    whole = probability.dtype.type(255)
    return (np.clip(probability, 0, 1) * whole).astype(np.uint8)


def image_counts(
    strength: np.ndarray,
    labels: Sequence[np.ndarray],
    *,
    thresholds: np.ndarray,
    max_dist: float,
    nms: bool,
    thin: bool = True,
    thin_labels: bool = True,
) -> np.ndarray:
    """Count matched and present boundary pixels at every threshold.

    Convention:
        The map is cut where it is strictly above the threshold, and thinned;
        labels are thinned too, both until nothing changes. A stored line has
        more pixels than its length where it is a staircase, and a thin
        prediction has no partners for them. Each label (annotator) is
        matched on its own with as many pairs as possible: recall counts the
        pixels of all labels, precision counts a predicted pixel once if any
        label matches it.

    Args:
        strength: ``(H, W)`` float64 in 0..1; a picture divided by its white,
            so that a grey level equal to a threshold compares equal.
        labels: ``(H, W)`` bool, one per annotator.
        thresholds: ``(K,)`` rising, in 0..1.
        max_dist: Largest distance of a pair as a share of the diagonal.
        nms: Keep only crests before the thresholds.
        thin: Thin what is above a threshold to lines of one pixel.
        thin_labels: Thin the labels likewise; False takes them as they are.

    Returns:
        ``(4, K)`` int64: matched label pixels, label pixels, matched
        predicted pixels, predicted pixels.
    """
    if nms:
        strength = suppress_non_maxima(strength)
    levels = np.searchsorted(thresholds, strength, side='left')
    stack = cut_levels(levels, len(thresholds))
    if thin:
        stack = thin_stack(stack)
    counts = np.zeros((4, len(thresholds)), dtype=np.int64)
    hit = np.zeros((stack.count, len(stack.pixels)), dtype=bool)
    if thin_labels:
        labels = [thin_map(label) for label in labels]
    for label in labels:
        matched = match_stack(stack, label, max_dist * np.hypot(*label.shape))
        counts[0] += np.count_nonzero(matched, axis=1)
        counts[1] += np.count_nonzero(label)
        hit |= matched
    counts[2] = np.count_nonzero(hit, axis=1)
    for index in range(stack.count):
        counts[3, index] = np.count_nonzero(stack.mask(index))
    return counts


def best_counts(counts: np.ndarray) -> np.ndarray:
    """Return an image's counts at its best threshold.

    Args:
        counts: ``(4, K)`` of one image.

    Returns:
        ``(4,)``; of equally good thresholds those of the highest.
    """
    f = f_score(*recall_precision(counts))
    return counts[:, np.flatnonzero(f == f.max())[-1]]


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


def f_score(
    recall: np.ndarray | float, precision: np.ndarray | float
) -> np.ndarray:
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
