"""Intersection over union of class maps."""

from __future__ import annotations

from typing import Literal

import numpy as np

EmptyClasses = Literal['zero', 'skip']


def class_areas(
    prediction: np.ndarray, label: np.ndarray, num_classes: int
) -> np.ndarray:
    """Count per class the correct, the predicted and the labelled pixels.

    Args:
        prediction: ``(N,)`` int class ids of the valid pixels.
        label: ``(N,)`` int class ids of the same pixels.
        num_classes: Number of classes ``K``.

    Returns:
        ``(3, K)`` int64: intersection, predicted area, labelled area.

    Raises:
        ValueError: If an id is outside 0..K-1.
    """
    for name, ids in (('prediction', prediction), ('label', label)):
        if ids.size and not 0 <= ids.min() <= ids.max() < num_classes:
            raise ValueError(
                f'{name} holds class ids {ids.min()}..{ids.max()}, but there '
                f'are {num_classes} classes: correct num_classes (or the '
                "head's out_channels)"
            )
    return np.stack(
        [
            np.bincount(ids, minlength=num_classes)
            for ids in (label[prediction == label], prediction, label)
        ]
    )


def class_iou(areas: np.ndarray) -> np.ndarray:
    """Divide intersection by union.

    Args:
        areas: ``(3, K)``, summed over the data set.

    Returns:
        ``(K,)`` float64 in 0..1, NaN for a class with an empty union.
    """
    intersection, predicted, labelled = areas
    return _ratio(intersection, predicted + labelled - intersection)


def segmentation_scores(
    areas: np.ndarray, empty_classes: EmptyClasses
) -> dict[str, float]:
    """Average the class scores.

    Convention:
        Areas are summed over the data set before any division. A class whose
        score is 0/0 counts as 0 (``'zero'``) or is left out (``'skip'``).

    Args:
        areas: ``(3, K)``, summed over the data set.
        empty_classes: What to do with a score of 0/0.

    Returns:
        In percent: ``mIoU``; ``mAcc``, mean share of each class's labelled
        pixels found; ``aAcc``, share of all pixels.
    """
    intersection, _, labelled = areas
    return {
        'mIoU': _class_mean(class_iou(areas), empty_classes),
        'mAcc': _class_mean(_ratio(intersection, labelled), empty_classes),
        'aAcc': 100.0 * float(intersection.sum() / labelled.sum()),
    }


def _ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    return np.where(whole > 0, part / np.maximum(whole, 1), np.nan)


def _class_mean(scores: np.ndarray, empty_classes: EmptyClasses) -> float:
    if empty_classes == 'zero':
        scores = np.nan_to_num(scores, nan=0.0)
    return 100.0 * float(np.nanmean(scores))
