"""Putting furniture, people and small things into a room."""

from __future__ import annotations

import math

import numpy as np

from . import fixtures, furniture, storage
from .floorplan import Floorplan
from .lamps import floor_lamp, table_lamp
from .parts import Solids
from .people import SEAT_HEIGHT, person
from .props import prop
from .scene import Light, Scene

Rng = np.random.Generator

_WALL_PIECES = {
    'bed': furniture.bed,
    'sofa': furniture.sofa,
    'cabinet': storage.cabinet,
    'bookshelf': storage.bookshelf,
    'door': fixtures.door,
}
_WALL_ORNAMENTS = {'window': fixtures.window, 'picture': fixtures.picture}


def against_walls(rng: Rng, scene: Scene, plan: Floorplan) -> None:
    """Large pieces with their backs to the walls, small things on top."""
    main = ('bed', 'sofa')[int(rng.integers(2))]
    names = [main] if rng.random() < 0.8 else []
    names += ['cabinet'] * int(rng.integers(0, 3))
    names += ['bookshelf'] * int(rng.integers(0, 2))
    names += ['door'] if rng.random() < 0.7 else []
    for name in names:
        build = _WALL_PIECES[name]
        solids, (width, depth) = build(rng)
        spot = plan.along_wall(rng, width, depth, _top(solids) > 1.2)
        if spot is None:
            continue
        x, y, yaw = spot
        scene.add(solids, name, (x, y, 0.0), yaw)
        if name == 'cabinet' and rng.random() < 0.7:
            _on_top(rng, scene, (x, y), _top(solids), 0.25)


def _top(solids: Solids) -> float:
    return max(s.centre[2] + s.extent()[2] for s in solids)


def _on_top(
    rng: Rng, scene: Scene, spot: tuple[float, float], z: float, room: float
) -> None:
    """A lamp or a small thing on a piece of furniture."""
    x, y = (a + rng.uniform(-0.3, 0.3) * room for a in spot)
    if z < 1.3 and rng.random() < 0.4:
        solids, _ = table_lamp(rng)
        lamp = scene.add(solids, 'lamp', (x, y, z))
        scene.lights.append(Light((x, y, z + 0.3), 0.35, lamp))
        return
    solids, _ = prop(rng, rng.uniform(0.14, 0.28))
    scene.add(solids, 'otherprop', (x, y, z), rng.uniform(-0.5, 0.5))


def free_standing(rng: Rng, scene: Scene, plan: Floorplan) -> None:
    """People, a table with chairs, lamps and things on the floor."""
    people = int(rng.choice(3, p=(0.3, 0.47, 0.23)))
    if rng.random() < 0.7:
        _dining(rng, scene, plan)
    for _ in range(people):
        _person(rng, scene, plan)
    if rng.random() < 0.45:
        solids, (width, _) = floor_lamp(rng)
        spot = plan.in_view(rng, 0.5 * width)
        if spot is not None:
            lamp = scene.add(solids, 'lamp', (*spot, 0.0))
            light = Light((*spot, _top(solids) - 0.15), 0.5, lamp)
            scene.lights.append(light)
    for _ in range(int(rng.integers(0, 3))):
        _chair(rng, scene, plan)
    for _ in range(int(rng.integers(1, 4))):
        size = rng.uniform(0.2, 0.45)
        solids, (width, _) = prop(rng, size)
        spot = plan.in_view(rng, 0.6 * width)
        if spot is not None:
            yaw = rng.uniform(-math.pi, math.pi)
            scene.add(solids, 'otherprop', (*spot, 0.0), yaw)


def _dining(rng: Rng, scene: Scene, plan: Floorplan) -> None:
    """A table with up to two chairs and a thing on it."""
    solids, (width, depth) = furniture.table(rng)
    spot = plan.in_view(rng, 0.5 * math.hypot(width, depth))
    if spot is None:
        return
    turn = rng.uniform(-0.5, 0.5)
    scene.add(solids, 'table', (*spot, 0.0), turn)
    if rng.random() < 0.8:
        _on_top(rng, scene, spot, _top(solids), 0.5)
    for side in (-1.0, 1.0):
        if rng.random() < 0.35:
            continue
        reach = 0.5 * width + rng.uniform(0.3, 0.5)
        x = spot[0] + side * reach * math.cos(turn)
        y = spot[1] + side * reach * math.sin(turn)
        if plan.claim((x - 0.25, y - 0.25, x + 0.25, y + 0.25)):
            seat, _ = furniture.chair(rng)
            yaw = turn + side * 0.5 * math.pi  # its front to the table
            scene.add(seat, 'chair', (x, y, 0.0), yaw)


def _chair(rng: Rng, scene: Scene, plan: Floorplan) -> None:
    spot = plan.in_view(rng, 0.32)
    if spot is not None:
        solids, _ = furniture.chair(rng)
        yaw = rng.uniform(-math.pi, math.pi)
        scene.add(solids, 'chair', (*spot, 0.0), yaw)


def _person(rng: Rng, scene: Scene, plan: Floorplan) -> None:
    """Somebody standing, walking, or sitting on a chair of their own."""
    spot = plan.in_view(rng, 0.38, tries=20)
    if spot is None:
        return
    sitting = rng.random() < 0.3
    yaw = rng.uniform(-math.pi, math.pi)
    if sitting:
        seat, _ = furniture.chair(rng)
        scene.add(seat, 'chair', (*spot, 0.0), yaw)
    lift = SEAT_HEIGHT - 0.43 if sitting else 0.0
    scene.add(person(rng, sitting), 'person', (*spot, lift), yaw)


def hang(rng: Rng, scene: Scene, plan: Floorplan) -> None:
    """Windows and pictures; one wall place is never used twice."""
    names = ['window'] if rng.random() < 0.8 else []
    names += ['picture'] * int(rng.integers(0, 4))
    for name in names:
        solids, (width, _) = _WALL_ORNAMENTS[name](rng)
        spot = plan.on_wall(rng, width)
        if spot is not None:
            x, y, yaw = spot
            z = rng.uniform(1.45, 1.65)
            scene.add(solids, name, (x, y, z), yaw)
