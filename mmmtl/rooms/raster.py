"""Casts one ray per pixel into a scene: what does it meet first, and where?

Convention: a ray is ``origin + t * direction`` with one scalar origin and
arrays of directions. Directions need not have unit length: ``t`` counts in
their length. A solid's own frame has its centre as origin and is turned by
its yaw.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mmmtl.rooms.camera import Camera, Vector, Vectors, dot, unit
from mmmtl.rooms.solids import Primitive

_TINY = 1e-9


@dataclass(frozen=True)
class Hits:
    """What the rays met. All arrays are (H, W).

    Attributes:
        depth: z-depth in metres, float32.
        primitive: Index of the solid in the scene's list.
        points: World points, metres.
        normals: World unit normals towards the camera.
        uv: Surface coordinates in metres for textures.
        rays: Unit directions from the camera in the world.
        camera_rays: Directions in the camera frame with z = 1.
    """

    depth: np.ndarray
    primitive: np.ndarray
    points: Vectors
    normals: Vectors
    uv: tuple[np.ndarray, ...]
    rays: Vectors
    camera_rays: Vectors


def cast(
    primitives: list[Primitive], camera: Camera, height: int, width: int
) -> Hits:
    """Find the nearest surface behind every pixel.

    Args:
        primitives: All solids; together they must close the room.
        camera: Where the rays start.
        height: Rows of the picture.
        width: Columns of the picture.
    """
    camera_rays, rays = camera.rays(height, width)
    depth = np.full((height, width), np.inf, np.float32)
    nearest = np.full((height, width), -1, np.int32)
    for index, prim in enumerate(primitives):
        window = (slice(0, height), slice(0, width))
        if prim.kind != 'plane':
            window = camera.window(prim.corners(), height, width)
        if window is None:
            continue
        t = hit(prim, camera.position, rays.at(window))
        closer = t < depth[window]
        np.copyto(depth[window], t, where=closer)
        np.copyto(nearest[window], index, where=closer)
    points = Vectors(
        *(p + depth * d for p, d in zip(camera.position, rays, strict=True))
    )
    normals, uv = _surface(primitives, nearest, points, rays)
    rays = unit(rays)
    normals = face_viewer(normals, rays)
    return Hits(depth, nearest, points, normals, uv, rays, camera_rays)


def face_viewer(normals: Vectors, rays: Vectors) -> Vectors:
    """Bend the few normals back that rounding turned off the viewer.

    At the rim of a ball the exact normal is perpendicular to the ray, and
    float32 may put it on the far side.
    """
    toward = dot(normals, rays)
    excess = np.maximum(toward + 1e-3, 0)
    return unit(
        Vectors(*(n - excess * r for n, r in zip(normals, rays, strict=True)))
    )


def hit(prim: Primitive, origin: Vector, directions: Vectors) -> np.ndarray:
    """Parameter of the first hit in front of the origin; inf for a miss."""
    point: Any = origin
    offset = local_points(prim, Vectors(*point))
    local = to_local(prim, directions)
    with np.errstate(divide='ignore', invalid='ignore'):
        return _HITS[prim.kind](prim, offset, local)


def _hit_plane(prim: Primitive, o: Vectors, d: Vectors) -> np.ndarray:
    toward = dot(prim.size, d)
    t = -dot(prim.size, o) / toward
    return np.where(toward < -_TINY, t, np.float32(np.inf))


def _hit_box(prim: Primitive, o: Vectors, d: Vectors) -> np.ndarray:
    near: Any = None
    far: Any = None
    for component, start, half in zip(d, o, prim.size, strict=True):
        inverse = 1.0 / np.where(np.abs(component) < _TINY, _TINY, component)
        middle = inverse * -start
        reach = np.abs(inverse) * half
        first, last = middle - reach, middle + reach
        near = first if near is None else np.maximum(near, first)
        far = last if far is None else np.minimum(far, last)
    return np.where((near < far) & (near > 0), near, np.float32(np.inf))


def _hit_ellipsoid(prim: Primitive, o: Vectors, d: Vectors) -> np.ndarray:
    scaled = [c / r for c, r in zip(d, prim.size, strict=True)]
    return _hit_ball(
        [a / r for a, r in zip(o, prim.size, strict=True)], scaled, 1.0
    )


def _hit_ball(
    o: Sequence[Any], d: Sequence[np.ndarray], radius: float
) -> np.ndarray:
    """Return the first hit of a ball about the frame's origin.

    The ray passes the centre at ``t0 = -(d . o) / (d . d)``, at a distance
    ``|o + t0 d|``, and meets the ball at ``t0 - sqrt((r^2 - |o + t0 d|^2) /
    (d . d))``. The distance is measured directly: the textbook discriminant
    ``(d . o)^2 - (d . d)(o . o - r^2)`` cancels in float32 for small balls
    far away.
    """
    a = dot(d, d)
    nearest = -dot(d, o) / a
    gap = sum((s + nearest * c) ** 2 for c, s in zip(d, o, strict=True))
    t = nearest - np.sqrt((radius * radius - gap) / a)
    return np.where(t > 0, t, np.float32(np.inf))


def _hit_cylinder(prim: Primitive, o: Vectors, d: Vectors) -> np.ndarray:
    radius, _, half = prim.size
    side = _hit_ball([o.x, o.y], [d.x, d.y], radius)
    side = np.where(np.abs(o.z + side * d.z) <= half, side, np.inf)
    if abs(o.z) <= half:  # the caps are seen from outside only
        return side.astype(np.float32)
    cap = (math.copysign(half, o.z) - o.z) / d.z
    r2 = (o.x + cap * d.x) ** 2 + (o.y + cap * d.y) ** 2
    cap = np.where((cap > 0) & (r2 <= radius * radius), cap, np.inf)
    return np.minimum(side, cap).astype(np.float32)


def _hit_capsule(prim: Primitive, o: Vectors, d: Vectors) -> np.ndarray:
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


def _surface(
    primitives: list[Primitive],
    nearest: np.ndarray,
    points: Vectors,
    rays: Vectors,
) -> tuple[Vectors, tuple[np.ndarray, ...]]:
    """Normals and surface coordinates, solid by solid."""
    shape = nearest.shape
    normals = Vectors(*(np.empty(nearest.size, np.float32) for _ in 'xyz'))
    uv = tuple(np.empty(nearest.size, np.float32) for _ in 'uv')
    flat_points = points.ravel()
    flat_rays = rays.ravel()
    for index, pixels in visible(nearest):
        prim = primitives[index]
        local = local_points(prim, flat_points.at(pixels))
        direction = to_local(prim, flat_rays.at(pixels))
        normal = local_normals(prim, local, direction)
        for out, value in zip(uv, _unwrap(prim, local, normal), strict=True):
            out[pixels] = value
        for out, value in zip(normals, to_world(prim, normal), strict=True):
            out[pixels] = value
    return (
        Vectors(*(a.reshape(shape) for a in normals)),
        tuple(a.reshape(shape) for a in uv),
    )


def visible(primitive: np.ndarray) -> list[tuple[int, np.ndarray]]:
    """Every solid that is seen, with the flat indices of its pixels."""
    flat = primitive.ravel()
    order = np.argsort(flat, kind='stable')
    ids, starts = np.unique(flat[order], return_index=True)
    return list(zip(ids.tolist(), np.split(order, starts[1:]), strict=True))


def _unwrap(
    prim: Primitive, p: Vectors, n: Vectors
) -> tuple[np.ndarray, np.ndarray]:
    """Lay the surface flat: v is upwards except on floors and ceilings."""
    if prim.kind not in ('box', 'plane'):
        return p.x + 0.7 * p.y, p.z
    level = np.abs(n.z) > 0.5
    sideways = np.abs(n.x) > 0.5
    return np.where(sideways, p.y, p.x), np.where(level, p.y, p.z)


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


def _normal_plane(prim: Primitive, p: Vectors, d: Vectors) -> Vectors:
    return Vectors(*(np.full_like(p.x, n) for n in prim.size))


def _normal_box(prim: Primitive, p: Vectors, d: Vectors) -> Vectors:
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


def _normal_ellipsoid(prim: Primitive, p: Vectors, d: Vectors) -> Vectors:
    return unit(
        Vectors(*(a / (r * r) for a, r in zip(p, prim.size, strict=True)))
    )


def _normal_cylinder(prim: Primitive, p: Vectors, d: Vectors) -> Vectors:
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


def _normal_capsule(prim: Primitive, p: Vectors, d: Vectors) -> Vectors:
    axis = prim.size
    length2 = dot(axis, axis)
    along = dot(axis, p) / length2
    along = np.clip(along, -1.0, 1.0)
    return unit(
        Vectors(*(c - along * a for a, c in zip(axis, p, strict=True)))
    )


_NORMALS = {
    'plane': _normal_plane,
    'box': _normal_box,
    'ellipsoid': _normal_ellipsoid,
    'cylinder': _normal_cylinder,
    'capsule': _normal_capsule,
}


def local_points(prim: Primitive, points: Vectors) -> Vectors:
    """Return world points in the frame of a solid."""
    offset = (p - c for p, c in zip(points, prim.centre, strict=True))
    return to_local(prim, Vectors(*offset))


def to_local(prim: Primitive, vectors: Vectors) -> Vectors:
    """Turn directions from the world into the frame of a solid."""
    return vectors if prim.yaw == 0.0 else _turned(vectors, -prim.yaw)


def to_world(prim: Primitive, vectors: Vectors) -> Vectors:
    """Turn directions from the frame of a solid into the world."""
    return vectors if prim.yaw == 0.0 else _turned(vectors, prim.yaw)


def _turned(vectors: Vectors, yaw: float) -> Vectors:
    c, s = math.cos(yaw), math.sin(yaw)
    x, y, z = vectors
    return Vectors(c * x - s * y, s * x + c * y, z)
