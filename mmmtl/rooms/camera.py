"""A pinhole camera (pose, rays, projection) and the vectors it works with."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

# Three numbers; of what `tuple()` makes, a type checker knows no length.
Vector = tuple[float, ...]

_NEAR = 0.05


@dataclass(frozen=True)
class Camera:
    """Where the picture is taken from.

    Convention: the camera frame is x right, y down, z forward. Without turns
    the camera looks along the world's +y with +x to the right.

    Attributes:
        position: Place in the world, metres.
        yaw: Turn to the right, radians.
        pitch: Turn upwards, radians.
        roll: Turn clockwise about the line of sight, radians.
        field_of_view: Horizontal, radians.
    """

    position: Vector
    yaw: float
    pitch: float
    roll: float
    field_of_view: float

    def axes(self) -> tuple[Vector, Vector, Vector]:
        """World directions of the camera's right, down and forward."""
        cy, sy = math.cos(self.yaw), math.sin(self.yaw)
        cp, sp = math.cos(self.pitch), math.sin(self.pitch)
        cr, sr = math.cos(self.roll), math.sin(self.roll)
        forward = (sy * cp, cy * cp, sp)
        right = (cy, -sy, 0.0)
        down = (sy * sp, cy * sp, -cp)
        return (
            tuple(cr * a + sr * b for a, b in zip(right, down, strict=True)),
            tuple(cr * b - sr * a for a, b in zip(right, down, strict=True)),
            forward,
        )

    def focal(self, width: int) -> float:
        """Focal length in pixels for pictures of this width."""
        return 0.5 * width / math.tan(0.5 * self.field_of_view)

    def intrinsics(self, height: int, width: int) -> np.ndarray:
        """Camera matrix of a picture, (3, 3) float64.

        Convention: pixel centres are at whole numbers, the first at (0, 0).
        """
        f = self.focal(width)
        return np.array(
            [
                [f, 0.0, 0.5 * (width - 1)],
                [0.0, f, 0.5 * (height - 1)],
                [0.0, 0.0, 1.0],
            ]
        )

    def pose(self) -> np.ndarray:
        """Camera frame to world, (4, 4) float64, metres."""
        pose = np.eye(4)
        pose[:3, :3] = np.transpose(self.axes())
        pose[:3, 3] = self.position
        return pose

    def rays(self, height: int, width: int) -> tuple[Vectors, Vectors]:
        """Rays through the pixel centres, each array (H, W).

        Returns:
            Directions in the camera frame, scaled to z = 1 so that the ray
            parameter is the z-depth, and the same in the world frame.
        """
        f = self.focal(width)
        x = ((np.arange(width) + 0.5 - 0.5 * width) / f).astype(np.float32)
        y = ((np.arange(height) + 0.5 - 0.5 * height) / f).astype(np.float32)
        x, y = np.meshgrid(x, y)
        local = Vectors(x, y, np.ones_like(x))
        return local, self.to_world(local)

    def to_world(self, vectors: Vectors) -> Vectors:
        """Turn camera-frame directions into the world."""
        columns = zip(*self.axes(), strict=True)
        return Vectors(*(dot(column, vectors) for column in columns))

    def to_camera(self, vectors: Vectors) -> Vectors:
        """Turn world directions into the camera frame."""
        return Vectors(*(dot(axis, vectors) for axis in self.axes()))

    def window(
        self, corners: np.ndarray, height: int, width: int
    ) -> tuple[slice, slice] | None:
        """Part of the picture that a box with these corners can touch.

        Args:
            corners: (8, 3) world points.
            height: Rows of the picture.
            width: Columns of the picture.

        Returns:
            Row and column slices, or None where nothing can be seen.
        """
        x, y, z = self.to_camera(Vectors(*(corners - self.position).T))
        if z.max() <= _NEAR:
            return None
        if z.min() <= _NEAR:  # reaches behind the camera: could be anywhere
            return slice(0, height), slice(0, width)
        f = self.focal(width)
        u = x / z * f + 0.5 * width
        v = y / z * f + 0.5 * height
        left, right = max(int(u.min()) - 1, 0), min(int(u.max()) + 2, width)
        top, bottom = max(int(v.min()) - 1, 0), min(int(v.max()) + 2, height)
        if left >= right or top >= bottom:
            return None
        return slice(top, bottom), slice(left, right)


class Vectors(NamedTuple):
    """Three float32 arrays of one shape: the components of many vectors.

    Numpy is faster on three plain arrays than on one with a last axis of 3.
    """

    x: np.ndarray
    y: np.ndarray
    z: np.ndarray

    def at(self, index: tuple | np.ndarray) -> Vectors:
        """Return the vectors at an index or slice."""
        return Vectors(self.x[index], self.y[index], self.z[index])

    def ravel(self) -> Vectors:
        """Return the vectors in one row."""
        return Vectors(self.x.ravel(), self.y.ravel(), self.z.ravel())


def dot(a: Sequence[Any], b: Sequence[Any]) -> Any:
    """Scalar product, of numbers, arrays or one of each."""
    return sum(p * q for p, q in zip(a, b, strict=True))


def unit(vectors: Vectors) -> Vectors:
    """Scale vectors to length one (zero vectors stay zero)."""
    x, y, z = vectors
    scale = 1.0 / np.sqrt(np.maximum(dot(vectors, vectors), 1e-20))
    return Vectors(x * scale, y * scale, z * scale)
