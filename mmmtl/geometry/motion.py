"""Which pixel shows a point in the next picture of a moving camera.

Convention:
    Cameras are pinholes, x right, y down, z forward; a pose is the (4, 4)
    matrix from the camera frame to the world, metres. Pixel centres are at
    whole numbers, the first at (0, 0). A backward flow belongs to the
    pixels of a picture and says how many columns and rows away each point
    was in the picture before.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

# A point was hidden if the surface seen at its place was nearer, or is not
# the same: inverse depths that differ by more than this share.
_SAME_SURFACE = 0.01


@dataclass(frozen=True)
class Motion:
    """What a camera's motion does to what was seen before it.

    Attributes:
        rotation: (3, 3), from the camera frame before to that of now.
        translation: (3,), metres; a point ``p`` before is
            ``rotation @ p + translation`` now.
        rays: (2, H, W) or (2, N), ``x / z`` and ``y / z`` of the points in
            the camera frame before.
    """

    rotation: np.ndarray
    translation: np.ndarray
    rays: np.ndarray


def exact_flow(
    depth: np.ndarray,
    pose: np.ndarray,
    depth_before: np.ndarray,
    pose_before: np.ndarray,
    intrinsics: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Follow a still scene's points back to the picture before.

    Args:
        depth: (H, W) z-depth of now, metres > 0.
        pose: Of the camera now.
        depth_before: (H, W), of the picture before.
        pose_before: Of the camera before.
        intrinsics: (3, 3) camera matrix of both.

    Returns:
        Backward flow (H, W, 2) float32, columns and rows; and (H, W) bool,
        True where the point was seen before: inside of the picture and not
        behind another surface.
    """
    height, width = depth.shape
    columns, rows = np.meshgrid(np.arange(width), np.arange(height))
    fx, fy, cx, cy = _pinhole(intrinsics)
    depth = depth.astype(np.float64)
    points = np.stack(
        [(columns - cx) / fx * depth, (rows - cy) / fy * depth, depth], -1
    )
    back = _relative(pose_before, pose)
    x, y, z = np.moveaxis(points @ back[:3, :3].T + back[:3, 3], -1, 0)
    ahead = z > 1e-6
    z = np.where(ahead, z, 1.0)
    # Rounded, so that a camera that stands still moves nothing at all.
    flow = np.round(
        np.stack([x / z * fx + cx - columns, y / z * fy + cy - rows], -1), 4
    )
    there = np.stack([columns, rows], -1) + flow
    inside = ((there >= 0) & (there <= (width - 1, height - 1))).all(-1)
    # One over the depth of a plane is linear in the picture.
    inverse = read_along(1 / depth_before[None].astype(np.float64), flow)[0]
    same = abs(inverse * z - 1) < _SAME_SURFACE
    return flow.astype(np.float32), ahead & inside & same


def camera_motion(
    pose: np.ndarray,
    pose_before: np.ndarray,
    intrinsics: np.ndarray,
    flow: np.ndarray,
) -> Motion:
    """Describe the motion between two pictures.

    Args:
        pose: Of the camera now.
        pose_before: Of the camera before.
        intrinsics: (3, 3) camera matrix of both.
        flow: (H, W, 2) backward flow.
    """
    height, width, _ = flow.shape
    columns, rows = np.meshgrid(np.arange(width), np.arange(height))
    fx, fy, cx, cy = _pinhole(intrinsics)
    rays = np.stack(
        [
            (columns + flow[..., 0].astype(np.float64) - cx) / fx,
            (rows + flow[..., 1].astype(np.float64) - cy) / fy,
        ]
    )
    onward = _relative(pose, pose_before)
    return Motion(onward[:3, :3], onward[:3, 3], rays)


def read_along(values: np.ndarray, flow: np.ndarray) -> np.ndarray:
    """Read maps at the places where a flow leads, bilinearly.

    Args:
        values: (C, H, W).
        flow: (H, W, 2); places outside of the map read its border.

    Returns:
        (C, H, W) float64.
    """
    result = np.zeros(values.shape)
    for weight, corner in neighbours(values, flow):
        result += weight * np.where(weight > 0, corner, 0)
    return result


def neighbours(
    values: np.ndarray, flow: np.ndarray
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return the four pixels around each place where a flow leads.

    Args:
        values: (C, H, W).
        flow: (H, W, 2); places outside of the map read its border.

    Returns:
        Four times the bilinear weights (H, W) float64, and the values there
        (C, H, W).
    """
    _, height, width = values.shape
    columns, rows = np.meshgrid(np.arange(width), np.arange(height))
    x = np.clip(columns + flow[..., 0].astype(np.float64), 0, width - 1)
    y = np.clip(rows + flow[..., 1].astype(np.float64), 0, height - 1)
    left, top = np.floor(x).astype(int), np.floor(y).astype(int)
    right = np.minimum(left + 1, width - 1)
    bottom = np.minimum(top + 1, height - 1)
    u, v = x - left, y - top
    return [
        (a * b, values[:, row, column])
        for a, row in ((1 - v, top), (v, bottom))
        for b, column in ((1 - u, left), (u, right))
    ]


def _pinhole(intrinsics: np.ndarray) -> tuple[float, float, float, float]:
    return (
        intrinsics[0, 0],
        intrinsics[1, 1],
        intrinsics[0, 2],
        intrinsics[1, 2],
    )


def _relative(pose: np.ndarray, other: np.ndarray) -> np.ndarray:
    """From the camera frame of ``other`` to that of ``pose``."""
    if np.array_equal(pose, other):  # exactly nothing, without rounding
        return np.eye(4)
    return np.linalg.inv(pose) @ other
