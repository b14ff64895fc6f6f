"""Where points of a picture were in the picture before, from pixels alone."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np

# The way there and back may miss the start by this share of the ways (of the
# squares) and these pixels squared: Sundaram, Brox and Keutzer, "Dense point
# trajectories by GPU-accelerated large displacement optical flow", 2010.
_SHARE, _PIXELS = 0.01, 0.5
# Pixels. The search begins with patches of 8 at a quarter of the size. In
# pictures with a shorter side it fails, or ends the process.
_LEAST_SIDE = 32


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
        to the start. Of pictures with a side below 32 no point is known to
        have been seen before: zeros, and False.
    """
    if min(now.shape) < _LEAST_SIDE:
        return np.zeros((*now.shape, 2), np.float32), np.zeros(now.shape, bool)
    search: Any = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
    flow = search.calc(now, before, None)
    back = move_along(search.calc(before, now, None), flow)
    height, width = now.shape
    x, y = _places(flow)
    inside = (x >= 0) & (x <= width - 1) & (y >= 0) & (y <= height - 1)
    missed = ((flow + back) ** 2).sum(-1)
    ways = (flow**2).sum(-1) + (back**2).sum(-1)
    return flow, inside & (missed < _SHARE * ways + _PIXELS)


def move_along(values: np.ndarray, flow: np.ndarray) -> np.ndarray:
    """Read a picture where a flow leads, to 1/32 of a pixel.

    Args:
        values: (H, W) or (H, W, C) float32, C up to 4.
        flow: (H, W, 2); places outside of the picture read its border.

    Returns:
        As ``values``.
    """
    return cv2.remap(
        values,
        *_places(flow),
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )


def _places(flow: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the columns and the rows to which a flow leads, float32."""
    height, width, _ = flow.shape
    columns = np.arange(width, dtype=np.float32)
    rows = np.arange(height, dtype=np.float32)[:, None]
    return flow[..., 0] + columns, flow[..., 1] + rows
