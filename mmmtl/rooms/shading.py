"""Turning hits into a colour picture."""

from __future__ import annotations

import math

import numpy as np

from mmmtl.rooms.camera import Vector, Vectors, dot, unit
from mmmtl.rooms.raster import Hits, hit, visible
from mmmtl.rooms.scene import Light, Scene
from mmmtl.rooms.solids import Primitive
from mmmtl.rooms.textures import surface_colour

_SHADOW_BIAS = 0.02  # metres: how far before its own surface a ray must stop


def shade(
    scene: Scene,
    hits: Hits,
    rng: np.random.Generator,
    grain: np.random.Generator,
) -> np.ndarray:
    """Picture of a scene, (H, W, 3) RGB uint8.

    Diffuse surfaces under four kinds of light: from above a little more than
    from below, from the camera's left a little more than from its right, a
    weak one at the camera that fades with distance, and the lamps, which cast
    shadows. Corners are darker. A camera's blur and noise come last.

    Args:
        scene: The room.
        hits: What its camera sees.
        rng: Source of what all pictures of one film share.
        grain: Source of the noise; it may be the same.
    """
    colours, glow = _albedo(scene, hits)
    n = hits.normals
    right, _, _ = scene.camera.axes()
    sideways = dot(right, n)
    facing = -dot(n, hits.rays)
    plain = scene.lighting
    light = plain.ambient + plain.above * n.z - plain.left * sideways
    light += plain.camera * facing / (1.0 + (hits.depth / plain.reach) ** 2)
    for lamp in scene.lights:
        light += lamp_light(scene, lamp, hits)
    light *= _corner_shade(scene.size, hits.points)
    light = light * (1 - glow) + glow
    warm = rng.uniform(-0.05, 0.05)
    picture = np.stack(
        [
            c * light * (scene.exposure * tint)
            for c, tint in zip(colours, (1 + warm, 1.0, 1 - warm), strict=True)
        ],
        axis=-1,
    )
    return _expose(picture, grain)


def _albedo(scene: Scene, hits: Hits) -> tuple[list[np.ndarray], np.ndarray]:
    """Surface colour (three arrays) and own light, each (H, W)."""
    height, width = hits.depth.shape
    # Slanted surfaces put more metres under a pixel in one direction: take
    # the geometric mean of the two.
    facing = np.maximum(-dot(hits.normals, hits.rays), 0.02)
    pixel = hits.depth / scene.camera.focal(width) / np.sqrt(facing)
    pixel = pixel.ravel()
    u, v = (a.ravel() for a in hits.uv)
    colours = [np.empty(height * width, np.float32) for _ in 'rgb']
    glow = np.zeros(height * width, np.float32)
    for index, where in visible(hits.primitive):
        look = scene.primitives[index].material
        values = surface_colour(look, u[where], v[where], pixel[where])
        for out, value in zip(colours, values, strict=True):
            out[where] = value
        if look.glow:
            glow[where] = look.glow
    shape = (height, width)
    return [c.reshape(shape) for c in colours], glow.reshape(shape)


def lamp_light(scene: Scene, lamp: Light, hits: Hits) -> np.ndarray:
    """Diffuse light of one lamp with shadows, (H, W)."""
    away = Vectors(
        *(p - a for p, a in zip(hits.points, lamp.position, strict=True))
    )
    distance = np.sqrt(dot(away, away))
    towards = -dot(hits.normals, away) / distance
    lit = lamp.strength * np.maximum(towards, 0) / (0.6 + 0.25 * distance**2)
    # Only what the lamp reaches at all is worth a shadow ray.
    reached = np.flatnonzero(lit > 0.02)
    rays = Vectors(*(a.ravel()[reached] for a in away))
    dark = _shadowed(scene.primitives, lamp, rays)
    lit.ravel()[reached[dark]] *= 0.25
    return lit


def _shadowed(
    primitives: list[Primitive], lamp: Light, rays: Vectors
) -> np.ndarray:
    """Which rays (lamp to surface, ends at t = 1) meet something before."""
    directions = unit(rays)
    length = np.sqrt(dot(rays, rays))
    limit = 1.0 - _SHADOW_BIAS / length
    dark = np.zeros(length.shape, bool)
    for prim in primitives:
        if prim.kind == 'plane' or prim.instance == lamp.instance:
            continue
        cone = _cone(prim, lamp.position)
        if cone is None:
            continue
        axis, cosine, nearest = cone
        along = dot(axis, directions)
        near = np.flatnonzero((along > cosine) & (length > nearest) & ~dark)
        if near.size:
            t = hit(prim, lamp.position, rays.at(near))
            dark[near[t < limit[near]]] = True
    return dark


def _cone(prim: Primitive, apex: Vector) -> tuple[Vector, float, float] | None:
    """Cone of directions that can meet a solid: axis, cosine, distance."""
    to = [c - a for c, a in zip(prim.centre, apex, strict=True)]
    distance = math.hypot(*to)
    radius = math.hypot(*prim.extent())
    if radius < 0.04:  # knobs and the like: their shadow is not seen
        return None
    if radius >= distance:
        return (0.0, 0.0, 0.0), -1.0, 0.0
    axis = tuple(a / distance for a in to)
    cosine = math.sqrt(1.0 - (radius / distance) ** 2)
    return axis, cosine, distance - radius


def _corner_shade(size: Vector, points: Vectors) -> np.ndarray:
    """Darkening where two walls, or a wall and the floor, meet."""
    gaps = [
        np.minimum(np.abs(p), np.abs(extent - p))
        for p, extent in zip(points, size, strict=True)
    ]
    a, b, c = gaps
    second = np.maximum(np.minimum(a, b), np.minimum(np.maximum(a, b), c))
    return 1.0 - 0.25 * np.exp(-second / 0.2)


def _expose(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Slight blur of the optics, noise of the sensor, 8 bits."""
    padded = np.pad(picture, ((1, 1), (1, 1), (0, 0)), mode='edge')
    rows = padded[:-2] * 0.12 + padded[1:-1] * 0.76 + padded[2:] * 0.12
    blurred = rows[:, :-2] * 0.12 + rows[:, 1:-1] * 0.76 + rows[:, 2:] * 0.12
    noise = rng.standard_normal(blurred.shape, dtype=np.float32)
    values = np.clip(blurred + noise * 0.012, 0, 1) * 255
    return np.round(values).astype(np.uint8)
