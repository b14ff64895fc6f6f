"""Finding free places: on the floor, along walls and on tops."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from .camera import Camera

Rect = tuple[float, float, float, float]  # x0, y0, x1, y1

# The walls furniture may stand against: name, turn that makes an object's
# front look into the room. The fourth wall is behind the camera.
WALLS = {'back': math.pi, 'left': -0.5 * math.pi, 'right': 0.5 * math.pi}


@dataclass
class Floorplan:
    """What is already taken, seen from above.

    Args:
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
        self, rng: np.random.Generator, width: float, depth: float, tall: bool
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
        self, rng: np.random.Generator, radius: float, tries: int = 8
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
        self, rng: np.random.Generator, width: float
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
