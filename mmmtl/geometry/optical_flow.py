"""Where points of a picture were in the picture before, from pixels alone."""

from __future__ import annotations

import cv2
import numpy as np

# The way there and back may miss the start by this share of the ways (of the
# squares) and these pixels squared: Sundaram, Brox and Keutzer, "Dense point
# trajectories by GPU-accelerated large displacement optical flow", 2010.
_SHARE, _PIXELS = 0.01, 0.5


def optical_flow(
    now: np.ndarray, before: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Estimate the backward flow between two pictures.

    OpenCV's dense inverse search, in both directions: Kroeger and others,
    "Fast optical flow using dense inverse search", 2016.

    Args:
        now: (H, W) uint8 grey.
        before: (H, W) uint8 grey.

    Returns:
        (H, W, 2) float32, columns and rows from each pixel of ``now`` to its
        point in ``before``; and (H, W) bool, True where the way back leads
        to the start.
    """
    search = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
    flow = search.calc(now, before, None)
    height, width = now.shape
    places = flow + np.stack(
        np.meshgrid(np.arange(width), np.arange(height)), -1
    ).astype(np.float32)
    back = cv2.remap(
        search.calc(before, now, None),
        places,
        None,
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
    inside = ((places >= 0) & (places <= (width - 1, height - 1))).all(-1)
    missed = ((flow + back) ** 2).sum(-1)
    ways = (flow**2).sum(-1) + (back**2).sum(-1)
    return flow, inside & (missed < _SHARE * ways + _PIXELS)
