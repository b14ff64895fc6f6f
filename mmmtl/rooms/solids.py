"""Solids, and short notation to build objects out of them and set them down.

Convention: an object is built in its own frame, metres, z up from the floor,
its front towards +y, the middle of its footprint at the origin.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from mmmtl.rooms.camera import Vector
from mmmtl.rooms.textures import Material, hsv

Kind = Literal['plane', 'box', 'ellipsoid', 'cylinder', 'capsule']


@dataclass(frozen=True)
class Primitive:
    """One solid.

    Attributes:
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


Solids = list[Primitive]


def box(centre: Vector, full: Vector, material: Material) -> Primitive:
    """Box from its middle and its full edge lengths."""
    half = tuple(0.5 * edge for edge in full)
    return Primitive('box', centre, half, material)


def pillar(
    centre: Vector, radius: float, length: float, material: Material
) -> Primitive:
    """Upright cylinder from its middle, radius and full height."""
    size = (radius, radius, 0.5 * length)
    return Primitive('cylinder', centre, size, material)


def ball(centre: Vector, radii: Vector, material: Material) -> Primitive:
    """Ellipsoid from its middle and radii."""
    return Primitive('ellipsoid', centre, radii, material)


def tube(
    start: Vector, end: Vector, radius: float, material: Material
) -> Primitive:
    """Capsule between two points."""
    centre = tuple(0.5 * (a + b) for a, b in zip(start, end, strict=True))
    half = tuple(0.5 * (b - a) for a, b in zip(start, end, strict=True))
    return Primitive('capsule', centre, half, material, radius=radius)


def legs(
    width: float, depth: float, height: float, thick: float, look: Material
) -> Solids:
    """Four square legs under the corners of a rectangle."""
    x, y = 0.5 * (width - thick), 0.5 * (depth - thick)
    return [
        box((i * x, j * y, 0.5 * height), (thick, thick, height), look)
        for i in (-1, 1)
        for j in (-1, 1)
    ]


def wood(rng: np.random.Generator, light: float = 0.0) -> Material:
    """Brown with grain; ``light`` raises the value."""
    hue = rng.uniform(0.06, 0.1)
    value = rng.uniform(0.35, 0.6) + light
    saturation = rng.uniform(0.4, 0.6)
    return Material(
        hsv(hue, saturation, value),
        hsv(hue, saturation + 0.1, 0.75 * value),
        'noise',
        rng.uniform(0.08, 0.2),
        rng.uniform(0, 60),
    )


def paint(rng: np.random.Generator, low: float, high: float) -> Material:
    """One plain, hardly saturated colour of a value between two bounds."""
    colour = hsv(rng.random(), rng.uniform(0, 0.15), rng.uniform(low, high))
    return Material(colour)


def fabric(rng: np.random.Generator, saturation: float) -> Material:
    """Woven or striped cloth of any hue."""
    hue, value = rng.random(), rng.uniform(0.35, 0.75)
    return Material(
        hsv(hue, saturation, value),
        hsv(hue + 0.02, saturation, 0.8 * value),
        ('noise', 'stripes', 'checks')[int(rng.integers(3))],
        rng.uniform(0.06, 0.15),
        rng.uniform(0, 60),
    )


def place(
    solids: Solids,
    position: Vector,
    yaw: float,
    instance: int,
    class_id: int,
) -> Solids:
    """Turn an object about the vertical, move it and give it its ids."""
    c, s = math.cos(yaw), math.sin(yaw)

    def turn(v: Vector) -> Vector:
        return c * v[0] - s * v[1], s * v[0] + c * v[1], v[2]

    placed = []
    for solid in solids:
        centre = turn(solid.centre)
        axis = turn(solid.size) if solid.kind == 'capsule' else solid.size
        placed.append(
            replace(
                solid,
                centre=tuple(
                    a + b for a, b in zip(centre, position, strict=True)
                ),
                size=axis,
                yaw=0.0 if solid.kind == 'capsule' else solid.yaw + yaw,
                instance=instance,
                class_id=class_id,
            )
        )
    return placed
