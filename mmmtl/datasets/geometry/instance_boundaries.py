"""Boundaries between annotated objects."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import distance_transform_edt


def instance_boundaries(
    labels: np.ndarray, instances: np.ndarray
) -> np.ndarray:
    """Mark where one annotated object meets another.

    Convention:
        An object is a pair (class, instance). Annotators leave thin gaps
        between neighbours, which would give two contours: pixels of class 0
        take the object of the nearest labelled pixel first. A pixel is 1 if
        its right, lower or lower right neighbour belongs to another object,
        so lines are one pixel thick and lie on the left and upper side.

    Args:
        labels: ``(H, W)`` class numbers, 0 where nothing was annotated.
        instances: ``(H, W)`` instance numbers within the class.

    Returns:
        ``(H, W)`` uint8, 0 or 1; all 0 if nothing is annotated.
    """
    edge = np.zeros(labels.shape, np.uint8)
    empty = labels == 0
    if empty.all():
        return edge
    span = int(instances.max()) + 1
    objects = labels.astype(np.int64) * span + instances
    if empty.any():
        nearest = distance_transform_edt(
            empty, return_distances=False, return_indices=True
        )
        objects = objects[tuple(nearest)]
    edge[:, :-1] |= objects[:, :-1] != objects[:, 1:]
    edge[:-1] |= objects[:-1] != objects[1:]
    edge[:-1, :-1] |= objects[:-1, :-1] != objects[1:, 1:]
    return edge
