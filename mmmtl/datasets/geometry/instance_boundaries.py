"""Boundaries between annotated objects."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import distance_transform_edt

from mmmtl.evaluation.functional.boundary.outline import outline


def instance_boundaries(
    labels: np.ndarray, instances: np.ndarray
) -> np.ndarray:
    """Mark where one annotated object meets another.

    Convention:
        An object is a pair (class, instance). Annotators leave thin gaps
        between neighbours, which would give two contours: pixels of class 0
        take the object of the nearest labelled pixel first. Then the outline
        of the objects is taken: lines are 4-connected and lie on the left
        and upper side of a change; see :func:`outline
        <mmmtl.evaluation.functional.boundary.outline.outline>`.

    Args:
        labels: ``(H, W)`` class numbers, 0 where nothing was annotated.
        instances: ``(H, W)`` instance numbers within the class.

    Returns:
        ``(H, W)`` uint8, 0 or 1; all 0 if nothing is annotated.
    """
    empty = labels == 0
    if empty.all():
        return np.zeros(labels.shape, np.uint8)
    span = int(instances.max()) + 1
    objects = labels.astype(np.int64) * span + instances
    if empty.any():
        nearest = distance_transform_edt(
            empty, return_distances=False, return_indices=True
        )
        objects = objects[tuple(nearest)]
    return outline(objects).view(np.uint8)
