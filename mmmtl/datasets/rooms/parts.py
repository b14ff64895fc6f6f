"""Short notation to build furniture out of solids, and to set it down.

Convention: an object is built in its own frame, metres, z up from the floor,
its front towards +y, the middle of its footprint at the origin.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from .primitives import Primitive
from .textures import Material, hsv
from .vectors import Vector

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
