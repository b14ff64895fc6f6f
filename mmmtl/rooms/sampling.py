"""Draws a room: walls, floor, ceiling, camera, and what is inside."""

from __future__ import annotations

import math
from dataclasses import dataclass

from mmmtl.rooms.arrangement import (
    Floorplan,
    against_walls,
    free_standing,
    hang,
)
from mmmtl.rooms.camera import Camera, Vector
from mmmtl.rooms.fittings import pendant
from mmmtl.rooms.furniture import Rng
from mmmtl.rooms.scene import Light, Scene
from mmmtl.rooms.solids import Primitive
from mmmtl.rooms.textures import Material, hsv


@dataclass(frozen=True)
class Ranges:
    """From where to where the size of a room and its camera are drawn.

    Attributes:
        width: Of the room, metres.
        depth: Of the room, metres.
        height: Of the room, metres.
        back: Distance of the camera from the wall behind it, metres.
        eye: Height of the camera, metres.
        turn: Largest turn to either side, radians.
        pitch: Turn upwards, degrees.
        roll: Standard deviation, degrees.
        field_of_view: Degrees.
        clearance: Nothing stands closer to the camera, metres.
    """

    width: tuple[float, float] = (3.2, 5.5)
    depth: tuple[float, float] = (3.6, 7.0)
    height: tuple[float, float] = (2.4, 3.0)
    back: tuple[float, float] = (0.3, 0.9)
    eye: tuple[float, float] = (1.15, 1.75)
    turn: float = 0.3
    pitch: tuple[float, float] = (-19, 0)
    roll: float = 1.2
    field_of_view: tuple[float, float] = (58, 75)
    clearance: float = 1.0


def sample_scene(rng: Rng, ranges: Ranges | None = None) -> Scene:
    """Draw a room.

    Args:
        rng: Source of everything.
        ranges: Of its size and camera; the usual ones if None.
    """
    ranges = ranges or Ranges()
    size = (
        rng.uniform(*ranges.width),
        rng.uniform(*ranges.depth),
        rng.uniform(*ranges.height),
    )
    camera = _camera(rng, size, ranges)
    scene = Scene(size, camera, exposure=rng.uniform(0.9, 1.12))
    for name, plane in room_shell(rng, size):
        scene.add([plane], name, (0.0, 0.0, 0.0))
    plan = Floorplan(size[0], size[1], camera, ranges.clearance)
    against_walls(rng, scene, plan)
    free_standing(rng, scene, plan)
    hang(rng, scene, plan)
    _ceiling_lamps(rng, scene)
    return scene


def room_shell(rng: Rng, size: Vector) -> list[tuple[str, Primitive]]:
    """Six planes that close the room, each with its class name.

    Args:
        rng: Source of colours and patterns.
        size: Extents of the room, metres; one lower corner is the origin.
    """
    width, depth, height = size
    wall, feature = _wall(rng), _wall(rng)
    # A quarter of the rooms paint the wall opposite the camera differently.
    back = feature if rng.random() < 0.25 else wall
    planes = [
        ('floor', (0, 0, 0), (0, 0, 1), _floor(rng)),
        ('ceiling', (0, 0, height), (0, 0, -1), _ceiling(rng)),
        ('wall', (0, depth, 0), (0, -1, 0), back),
        ('wall', (0, 0, 0), (1, 0, 0), wall),
        ('wall', (width, 0, 0), (-1, 0, 0), wall),
        ('wall', (0, 0, 0), (0, 1, 0), wall),
    ]
    return [
        (name, Primitive('plane', point, normal, look))
        for name, point, normal, look in planes
    ]


def _wall(rng: Rng) -> Material:
    """Light paint, sometimes wallpaper or brick-like tiles."""
    hue, value = rng.random(), rng.uniform(0.68, 0.9)
    saturation = rng.uniform(0.02, 0.2)
    kind = rng.random()
    pattern, scale = 'noise', rng.uniform(0.25, 0.6)
    darker = rng.uniform(0.88, 0.96)
    if kind > 0.75:
        pattern, scale = 'stripes', rng.uniform(0.15, 0.35)
    elif kind > 0.65:
        pattern, scale, darker = 'tiles', rng.uniform(0.15, 0.3), 0.8
    return Material(
        hsv(hue, saturation, value),
        hsv(hue, saturation, darker * value),
        pattern,
        scale,
        rng.uniform(0, 60),
    )


def _floor(rng: Rng) -> Material:
    """Planks, tiles or carpet."""
    kind = rng.random()
    if kind < 0.5:
        hue, value = rng.uniform(0.05, 0.1), rng.uniform(0.4, 0.68)
        saturation, dark = rng.uniform(0.35, 0.6), 0.6
        pattern, scale = 'planks', rng.uniform(0.12, 0.2)
    elif kind < 0.75:
        hue, value = rng.uniform(0.05, 0.15), rng.uniform(0.45, 0.7)
        saturation, dark = rng.uniform(0.0, 0.2), 0.6
        pattern, scale = 'tiles', rng.uniform(0.3, 0.5)
    else:
        hue, value = rng.random(), rng.uniform(0.3, 0.55)
        saturation, dark = rng.uniform(0.1, 0.35), 0.75
        pattern, scale = 'noise', rng.uniform(0.05, 0.12)
    return Material(
        hsv(hue, saturation, value),
        hsv(hue, saturation, dark * value),
        pattern,
        scale,
        rng.uniform(0, 60),
    )


def _ceiling(rng: Rng) -> Material:
    value = rng.uniform(0.88, 0.98)
    hue, saturation = rng.uniform(0.08, 0.16), rng.uniform(0.0, 0.06)
    return Material(
        hsv(hue, saturation, value),
        hsv(hue, saturation, 0.95 * value),
        'noise',
        0.4,
        rng.uniform(0, 60),
    )


def _camera(rng: Rng, size: Vector, ranges: Ranges) -> Camera:
    aside = rng.uniform(0.3, 0.7)
    # Standing left of the middle the camera rather looks to the right.
    yaw = 0.9 * (0.5 - aside) + rng.uniform(-ranges.turn, ranges.turn)
    return Camera(
        position=(
            aside * size[0],
            rng.uniform(*ranges.back),
            rng.uniform(*ranges.eye),
        ),
        yaw=yaw,
        pitch=math.radians(rng.uniform(*ranges.pitch)),
        roll=math.radians(rng.normal(0, ranges.roll)),
        field_of_view=math.radians(rng.uniform(*ranges.field_of_view)),
    )


def _ceiling_lamps(rng: Rng, scene: Scene) -> None:
    """One lamp near the middle of the ceiling lights every room."""
    width, depth, height = scene.size
    x = width * rng.uniform(0.35, 0.65)
    y = depth * rng.uniform(0.4, 0.7)
    solids, _ = pendant(rng)
    lamp = scene.add(solids, 'lamp', (x, y, height))
    drop = max(-s.centre[2] for s in solids)
    light = Light((x, y, height - drop), rng.uniform(0.8, 1.1), lamp)
    scene.lights.insert(0, light)
