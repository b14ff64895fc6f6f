"""Drawing a room."""

from __future__ import annotations

import math

import numpy as np

from .arrange import against_walls, free_standing, hang
from .camera import Camera
from .floorplan import Floorplan
from .lamps import pendant
from .scene import Light, Scene
from .shell import room_shell
from .vectors import Vector

Rng = np.random.Generator


def sample_scene(rng: Rng) -> Scene:
    """Draw a room."""
    size = (
        rng.uniform(3.2, 5.5),
        rng.uniform(3.6, 7.0),
        rng.uniform(2.4, 3.0),
    )
    scene = Scene(size, _camera(rng, size), exposure=rng.uniform(0.9, 1.12))
    for name, plane in room_shell(rng, size):
        scene.add([plane], name, (0.0, 0.0, 0.0))
    plan = Floorplan(size[0], size[1], scene.camera)
    against_walls(rng, scene, plan)
    free_standing(rng, scene, plan)
    hang(rng, scene, plan)
    _ceiling_lamps(rng, scene)
    return scene


def _camera(rng: Rng, size: Vector) -> Camera:
    aside = rng.uniform(0.3, 0.7)
    # Standing left of the middle the camera rather looks to the right.
    yaw = 0.9 * (0.5 - aside) + rng.uniform(-0.3, 0.3)
    return Camera(
        position=(
            aside * size[0],
            rng.uniform(0.3, 0.9),
            rng.uniform(1.15, 1.75),
        ),
        yaw=yaw,
        pitch=math.radians(rng.uniform(-19, 0)),
        roll=math.radians(rng.normal(0, 1.2)),
        field_of_view=math.radians(rng.uniform(58, 75)),
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
