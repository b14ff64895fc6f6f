"""Solids that rooms are made of.

Convention: world coordinates in metres, x and y along the floor, z up.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from .textures import Material
from .vectors import Vector

Kind = Literal['plane', 'box', 'ellipsoid', 'cylinder', 'capsule']


@dataclass(frozen=True)
class Primitive:
    """One solid.

    Args:
        kind: Shape.
        centre: Middle of the solid (of a plane: any point of it), metres.
        size: Half extents of a box, radii of an ellipsoid, (radius, radius,
            half height) of an upright cylinder, half the axis of a capsule
            as a vector, unit normal of a plane.
        material: Look of the surface.
        yaw: Turn about the vertical in radians (boxes, ellipsoids).
        radius: Radius of a capsule in metres.
        instance: Id of the object that the solid belongs to.
        class_id: Index in CLASSES.
        part: Index in HUMAN_PARTS.
    """

    kind: Kind
    centre: Vector
    size: Vector
    material: Material
    yaw: float = 0.0
    radius: float = 0.0
    instance: int = -1
    class_id: int = -1
    part: int = 0

    def extent(self) -> Vector:
        """Half extents of the bounding box in the solid's own frame."""
        if self.kind == 'capsule':
            x, y, z = self.size
            r = self.radius
            return abs(x) + r, abs(y) + r, abs(z) + r
        return self.size

    def corners(self) -> np.ndarray:
        """Corners of the turned bounding box, (8, 3) float64."""
        signs = np.array(
            [(i, j, k) for i in (-1, 1) for j in (-1, 1) for k in (-1, 1)]
        )
        local = signs * self.extent()
        c, s = math.cos(self.yaw), math.sin(self.yaw)
        x = c * local[:, 0] - s * local[:, 1]
        y = s * local[:, 0] + c * local[:, 1]
        return np.stack([x, y, local[:, 2]], axis=1) + self.centre
