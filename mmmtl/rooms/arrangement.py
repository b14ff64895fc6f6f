"""Puts furniture, people and small things into a room."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from mmmtl.rooms import fittings, furniture
from mmmtl.rooms.camera import Camera
from mmmtl.rooms.fittings import floor_lamp, prop, table_lamp
from mmmtl.rooms.furniture import Rng
from mmmtl.rooms.people import SEAT_HEIGHT, person
from mmmtl.rooms.scene import Light, Scene
from mmmtl.rooms.solids import Solids

Rect = tuple[float, float, float, float]  # x0, y0, x1, y1

# The walls furniture may stand against: name, turn that makes an object's
# front look into the room. The fourth wall is behind the camera.
WALLS = {'back': math.pi, 'left': -0.5 * math.pi, 'right': 0.5 * math.pi}

_WALL_PIECES = {
    'bed': furniture.bed,
    'sofa': furniture.sofa,
    'cabinet': furniture.cabinet,
    'bookshelf': furniture.bookshelf,
    'door': fittings.door,
}

_WALL_ORNAMENTS = {'window': fittings.window, 'picture': fittings.picture}


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


def _top(solids: Solids) -> float:
    return max(s.centre[2] + s.extent()[2] for s in solids)


@dataclass
class Floorplan:
    """What is already taken, seen from above.

    Attributes:
        width: Extent of the room along x, metres.
        depth: Extent of the room along y, metres.
        camera: Nothing is put closer to it than ``clearance``.
        clearance: Metres.
    """

    width: float
    depth: float
    camera: Camera
    clearance: float = 1.0
    taken: list[Rect] = field(default_factory=list)
    hung: dict[str, list[tuple[float, float]]] = field(default_factory=dict)

    def claim(self, rect: Rect) -> bool:
        """Take a rectangle of the floor; False where something stands."""
        x0, y0, x1, y1 = rect
        if x0 < 0 or y0 < 0 or x1 > self.width or y1 > self.depth:
            return False
        cx, cy, _ = self.camera.position
        gap = math.hypot(
            max(x0 - cx, 0.0, cx - x1), max(y0 - cy, 0.0, cy - y1)
        )
        if gap < self.clearance:
            return False
        if any(
            x0 < b[2] and b[0] < x1 and y0 < b[3] and b[1] < y1
            for b in self.taken
        ):
            return False
        self.taken.append(rect)
        return True

    def along_wall(
        self, rng: Rng, width: float, depth: float, tall: bool
    ) -> tuple[float, float, float] | None:
        """Place with the back to a wall: x, y, yaw; None if none is found.

        Args:
            rng: Source of the place.
            width: Along the wall, metres.
            depth: Away from it, metres.
            tall: Nothing may hang on the wall behind it.
        """
        for _ in range(8):
            wall = ('back', 'back', 'left', 'right')[int(rng.integers(4))]
            span = self.width if wall == 'back' else self.depth
            low = 0.0 if wall == 'back' else 0.8
            if low + width > span:
                continue
            along = rng.uniform(low + 0.5 * width, span - 0.5 * width)
            x, y = self._off_wall(wall, along, 0.5 * depth + 0.005)
            half = (width, depth) if wall == 'back' else (depth, width)
            hx, hy = (0.5 * edge for edge in half)
            if self.claim((x - hx, y - hy, x + hx, y + hy)):
                if tall:
                    self.hung.setdefault(wall, []).append((along, width))
                return x, y, WALLS[wall]
        return None

    def _off_wall(
        self, wall: str, along: float, off: float
    ) -> tuple[float, float]:
        """Point at a distance from a wall."""
        if wall == 'back':
            return along, self.depth - off
        return (off if wall == 'left' else self.width - off), along

    def in_view(
        self, rng: Rng, radius: float, tries: int = 8
    ) -> tuple[float, float] | None:
        """Free round place inside the field of view; None if none is found."""
        cx, cy, _ = self.camera.position
        half = 0.45 * self.camera.field_of_view
        for _ in range(tries):
            angle = self.camera.yaw + rng.uniform(-half, half)
            reach = rng.uniform(1.4 + radius, max(self.depth, 2.5 + radius))
            x = cx + reach * math.sin(angle)
            y = cy + reach * math.cos(angle)
            if self.claim((x - radius, y - radius, x + radius, y + radius)):
                return x, y
        return None

    def on_wall(
        self, rng: Rng, width: float
    ) -> tuple[float, float, float] | None:
        """Place to hang something: x, y, yaw; None if none is found."""
        for _ in range(8):
            wall = ('back', 'back', 'left', 'right')[int(rng.integers(4))]
            span = self.width if wall == 'back' else self.depth
            low = 0.5 * width + (0.1 if wall == 'back' else 1.0)
            high = span - 0.5 * width - 0.1
            if low >= high:
                continue
            s = rng.uniform(low, high)
            others = self.hung.setdefault(wall, [])
            if any(abs(s - o) < 0.5 * (width + w) + 0.1 for o, w in others):
                continue
            others.append((s, width))
            return *self._off_wall(wall, s, 0.0), WALLS[wall]
        return None
