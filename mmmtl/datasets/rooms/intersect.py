"""Where rays meet solids.

Convention: a ray is ``origin + t * direction`` with one scalar origin and
arrays of directions. Directions need not have unit length: ``t`` counts in
their length.
"""

from __future__ import annotations

import math

import numpy as np

from .primitives import Primitive
from .vectors import Vector, Vectors, dot

_TINY = 1e-9


def to_local(prim: Primitive, vectors: Vectors) -> Vectors:
    """Turn directions from the world into the frame of a solid."""
    if prim.yaw == 0.0:
        return vectors
    c, s = math.cos(prim.yaw), math.sin(prim.yaw)
    x, y, z = vectors
    return Vectors(c * x + s * y, c * y - s * x, z)


def hit(prim: Primitive, origin: Vector, directions: Vectors) -> np.ndarray:
    """Parameter of the first hit in front of the origin; inf for a miss."""
    offset = [a - b for a, b in zip(origin, prim.centre, strict=True)]
    if prim.yaw != 0.0:
        c, s = math.cos(prim.yaw), math.sin(prim.yaw)
        x, y, z = offset
        offset = [c * x + s * y, c * y - s * x, z]
    local = to_local(prim, directions)
    with np.errstate(divide='ignore', invalid='ignore'):
        return _HITS[prim.kind](prim, offset, local)


def _hit_plane(prim: Primitive, o: list[float], d: Vectors) -> np.ndarray:
    toward = dot(prim.size, d)
    t = -dot(prim.size, o) / toward
    return np.where(toward < -_TINY, t, np.float32(np.inf))


def _hit_box(prim: Primitive, o: list[float], d: Vectors) -> np.ndarray:
    near = far = None
    for component, start, half in zip(d, o, prim.size, strict=True):
        inverse = 1.0 / np.where(np.abs(component) < _TINY, _TINY, component)
        middle = inverse * -start
        reach = np.abs(inverse) * half
        first, last = middle - reach, middle + reach
        near = first if near is None else np.maximum(near, first)
        far = last if far is None else np.minimum(far, last)
    return np.where((near < far) & (near > 0), near, np.float32(np.inf))


def _hit_ellipsoid(prim: Primitive, o: list[float], d: Vectors) -> np.ndarray:
    scaled = [c / r for c, r in zip(d, prim.size, strict=True)]
    return _hit_ball(
        [a / r for a, r in zip(o, prim.size, strict=True)], scaled, 1.0
    )


def _hit_ball(
    o: list[float], d: list[np.ndarray], radius: float
) -> np.ndarray:
    """First hit of a ball about the frame's origin.

    The squared distance of the ray from the centre is measured directly: the
    textbook discriminant cancels in float32 for small balls far away.
    """
    a = dot(d, d)
    nearest = -dot(d, o) / a
    gap = sum((s + nearest * c) ** 2 for c, s in zip(d, o, strict=True))
    t = nearest - np.sqrt((radius * radius - gap) / a)
    return np.where(t > 0, t, np.float32(np.inf))


def _hit_cylinder(prim: Primitive, o: list[float], d: Vectors) -> np.ndarray:
    radius, _, half = prim.size
    side = _hit_ball(o[:2], [d.x, d.y], radius)
    side = np.where(np.abs(o[2] + side * d.z) <= half, side, np.inf)
    if abs(o[2]) <= half:  # the caps are seen from outside only
        return side.astype(np.float32)
    cap = (math.copysign(half, o[2]) - o[2]) / d.z
    r2 = (o[0] + cap * d.x) ** 2 + (o[1] + cap * d.y) ** 2
    cap = np.where((cap > 0) & (r2 <= radius * radius), cap, np.inf)
    return np.minimum(side, cap).astype(np.float32)


def _hit_capsule(prim: Primitive, o: list[float], d: Vectors) -> np.ndarray:
    """Round tube between two balls: side hit where it is between the ends."""
    axis, r = prim.size, prim.radius
    length2 = dot(axis, axis)
    along_d = dot(axis, d) / length2
    along_o = dot(axis, o) / length2
    flat_d = [c - along_d * a for a, c in zip(axis, d, strict=True)]
    flat_o = [s - along_o * a for a, s in zip(axis, o, strict=True)]
    side = _hit_ball(flat_o, flat_d, r)
    side = np.where(np.abs(along_o + side * along_d) <= 1.0, side, np.inf)
    for sign in (-1.0, 1.0):
        start = [s - sign * a for a, s in zip(axis, o, strict=True)]
        side = np.fmin(side, _hit_ball(start, list(d), r))
    return side.astype(np.float32)


_HITS = {
    'plane': _hit_plane,
    'box': _hit_box,
    'ellipsoid': _hit_ellipsoid,
    'cylinder': _hit_cylinder,
    'capsule': _hit_capsule,
}
