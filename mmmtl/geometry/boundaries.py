"""Boundaries: outlines of regions, and of objects."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.ndimage import distance_transform_edt


def outline(regions: np.ndarray) -> np.ndarray:
    """Mark where one region meets another.

    Convention:
        A pixel is set if its right, lower or lower right neighbour has
        another value; beyond the border there is no neighbour, so the last
        row looks to the right only, the last column down only, and the last
        pixel is never set. Lines lie on the left and upper side of a change.
        They are 4-connected: one pixel thick where they run straight, a
        staircase where they run diagonally. :func:`.thin` leaves 8-connected
        ones.

        This is ``seg2bmap`` of the Berkeley benchmark, which SEISM uses
        (prismformore/Boundary-Detection-Evaluation-Tools at 1c3b850).

    Args:
        regions: ``(H, W)`` of any values.

    Returns:
        ``(H, W)`` bool.
    """
    edge = np.zeros(regions.shape, dtype=bool)
    edge[:, :-1] |= regions[:, :-1] != regions[:, 1:]
    edge[:-1] |= regions[:-1] != regions[1:]
    edge[:-1, :-1] |= regions[:-1, :-1] != regions[1:, 1:]
    return edge


def instance_boundaries(
    labels: np.ndarray, instances: np.ndarray
) -> np.ndarray:
    """Mark where one annotated object meets another.

    Convention:
        An object is a pair (class, instance). Annotators leave thin gaps
        between neighbours, which would give two contours: pixels of class 0
        take the object of the nearest labelled pixel first. Then the outline
        of the objects is taken: lines are 4-connected and lie on the left
        and upper side of a change; see
        :func:`outline`.

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
        nearest: Any = distance_transform_edt(
            empty, return_distances=False, return_indices=True
        )
        objects = objects[tuple(nearest)]
    return outline(objects).view(np.uint8)
