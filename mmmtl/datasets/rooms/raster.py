"""Casting one ray per pixel into a scene."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .camera import Camera
from .intersect import hit, to_local
from .primitives import Primitive
from .surfaces import local_normals, local_points, to_world
from .vectors import Vectors, dot, unit


@dataclass(frozen=True)
class Hits:
    """What the rays met. All arrays are (H, W).

    Args:
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
    uv: tuple[np.ndarray, np.ndarray]
    rays: Vectors
    camera_rays: Vectors


def cast(
    primitives: list[Primitive], camera: Camera, height: int, width: int
) -> Hits:
    """Find the nearest surface behind every pixel.

    Raises:
        ValueError: A ray left the room, which means the scene has a hole.
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
    if nearest.min() < 0:
        raise ValueError('a ray met nothing: the scene is not closed')
    points = Vectors(
        *(p + depth * d for p, d in zip(camera.position, rays, strict=True))
    )
    normals, uv = _surface(primitives, nearest, points, rays)
    rays = unit(rays)
    normals = face_viewer(normals, rays)
    return Hits(depth, nearest, points, normals, uv, rays, camera_rays)


def visible(primitive: np.ndarray) -> list[tuple[int, np.ndarray]]:
    """Every solid that is seen, with the flat indices of its pixels."""
    flat = primitive.ravel()
    order = np.argsort(flat, kind='stable')
    ids, starts = np.unique(flat[order], return_index=True)
    return list(zip(ids.tolist(), np.split(order, starts[1:]), strict=True))


def _surface(
    primitives: list[Primitive],
    nearest: np.ndarray,
    points: Vectors,
    rays: Vectors,
) -> tuple[Vectors, tuple[np.ndarray, np.ndarray]]:
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


def _unwrap(
    prim: Primitive, p: Vectors, n: Vectors
) -> tuple[np.ndarray, np.ndarray]:
    """Lay the surface flat: v is upwards except on floors and ceilings."""
    if prim.kind not in ('box', 'plane'):
        return p.x + 0.7 * p.y, p.z
    level = np.abs(n.z) > 0.5
    sideways = np.abs(n.x) > 0.5
    return np.where(sideways, p.y, p.x), np.where(level, p.y, p.z)


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
