"""Flicker: how much predictions change between frames, but for motion."""

from __future__ import annotations

import numpy as np

from mmmtl.geometry.motion import Motion, neighbours
from mmmtl.tasks import Kind


def warp_error_sums(
    kind: Kind,
    now: np.ndarray,
    before: np.ndarray,
    flow: np.ndarray,
    seen: np.ndarray,
    motion: Motion | None = None,
) -> np.ndarray:
    """Compare a prediction with that of the frame before.

    Convention:
        The map before is read where each pixel's point was, bilinearly, and
        turned into what it means from the new place of the camera; its
        difference is the kind's. Class ids cannot be mixed: one that any of
        the four pixels around the point has counts as kept, since its border
        may lie anywhere between them. What is not seen in both frames
        does not count.

    Args:
        kind: Of the task.
        now: ``(C, H, W)`` prediction.
        before: ``(C, H, W)`` prediction of the frame before.
        flow: ``(H, W, 2)`` backward flow, see
            :mod:`mmmtl.geometry.motion`.
        seen: ``(H, W)`` bool, True where a pixel's point was seen before.
        motion: Of the camera, if it is known; without it, the motion's own
            change of depths and normals counts as theirs.

    Returns:
        ``(2,)`` float64: sum of the differences in the kind's
        ``difference_unit``, and number of pixels.
    """
    around = [
        (weight, corner if motion is None else kind.follow(corner, motion))
        for weight, corner in neighbours(before, flow)
    ]
    if kind.pred_dtype.is_floating_point:
        moved = sum(weight * corner for weight, corner in around)
        error = kind.difference(now.astype(np.float64), np.asarray(moved))
    else:
        error = np.min(
            [
                np.where(weight > 0, kind.difference(now, corner), np.inf)
                for weight, corner in around
            ],
            axis=0,
        )
    return np.array([error[seen].sum(), np.count_nonzero(seen)])


def warp_error(sums: np.ndarray) -> float:
    """Average over all pixels of all pairs of frames.

    Args:
        sums: ``(2,)`` of :func:`warp_error_sums`, added over the pairs.

    Returns:
        The mean difference; NaN if no pixel was seen twice.
    """
    return float(sums[0] / sums[1]) if sums[1] else float('nan')
