"""Surface normals of the solids at points known to lie on them."""

from __future__ import annotations

import math

import numpy as np

from .primitives import Primitive
from .vectors import Vectors, dot, unit


def local_points(prim: Primitive, points: Vectors) -> Vectors:
    """World points in the frame of the solid (centre at the origin)."""
    x, y, z = (p - c for p, c in zip(points, prim.centre, strict=True))
    if prim.yaw == 0.0:
        return Vectors(x, y, z)
    c, s = math.cos(prim.yaw), math.sin(prim.yaw)
    return Vectors(c * x + s * y, c * y - s * x, z)


def local_normals(
    prim: Primitive, points: Vectors, directions: Vectors
) -> Vectors:
    """Outward unit normals in the frame of the solid.

    Args:
        prim: The solid.
        points: Points on its surface, in its frame.
        directions: Rays that met it there, in its frame. On an edge between
            two faces they decide for one that faces the viewer.
    """
    return _NORMALS[prim.kind](prim, points, directions)


def to_world(prim: Primitive, vectors: Vectors) -> Vectors:
    """Turn directions from the frame of a solid into the world."""
    if prim.yaw == 0.0:
        return vectors
    c, s = math.cos(prim.yaw), math.sin(prim.yaw)
    x, y, z = vectors
    return Vectors(c * x - s * y, s * x + c * y, z)


def _plane(prim: Primitive, p: Vectors, d: Vectors) -> Vectors:
    return Vectors(*(np.full_like(p.x, n) for n in prim.size))


def _box(prim: Primitive, p: Vectors, d: Vectors) -> Vectors:
    # Relative height over the middle, for the faces that face the viewer.
    scores = [
        np.where(a * c < 0, np.abs(a) / half, -1.0)
        for a, c, half in zip(p, d, prim.size, strict=True)
    ]
    best = np.argmax(np.stack(scores), axis=0)
    return Vectors(
        *(
            np.where(best == i, -np.sign(c), 0.0).astype(np.float32)
            for i, c in enumerate(d)
        )
    )


def _ellipsoid(prim: Primitive, p: Vectors, d: Vectors) -> Vectors:
    return unit(
        Vectors(*(a / (r * r) for a, r in zip(p, prim.size, strict=True)))
    )


def _cylinder(prim: Primitive, p: Vectors, d: Vectors) -> Vectors:
    radius, _, half = prim.size
    cap = np.abs(p.z) / half > np.hypot(p.x, p.y) / radius
    zero = np.float32(0)
    return unit(
        Vectors(
            np.where(cap, zero, p.x),
            np.where(cap, zero, p.y),
            np.where(cap, np.sign(p.z), zero),
        )
    )


def _capsule(prim: Primitive, p: Vectors, d: Vectors) -> Vectors:
    axis = prim.size
    length2 = dot(axis, axis)
    along = dot(axis, p) / length2
    along = np.clip(along, -1.0, 1.0)
    return unit(
        Vectors(*(c - along * a for a, c in zip(axis, p, strict=True)))
    )


_NORMALS = {
    'plane': _plane,
    'box': _box,
    'ellipsoid': _ellipsoid,
    'cylinder': _cylinder,
    'capsule': _capsule,
}
