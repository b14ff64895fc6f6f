"""Outlines of the regions of a map."""

from __future__ import annotations

import numpy as np


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
