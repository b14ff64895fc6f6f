"""A whole room: solids, lamps and camera."""

from __future__ import annotations

from dataclasses import dataclass, field

from mmmtl.rooms.camera import Camera, Vector
from mmmtl.rooms.classes import CLASS_ID
from mmmtl.rooms.solids import Primitive, Solids, place


@dataclass(frozen=True)
class Light:
    """A lamp's point light.

    Attributes:
        position: Metres.
        strength: Brightness at one metre, relative to white.
        instance: Object around the light, which casts no shadow from it.
    """

    position: Vector
    strength: float
    instance: int


@dataclass
class Scene:
    """A room and everything in it.

    Attributes:
        size: Extents of the room along x, y and z, metres.
        camera: Point of view.
        primitives: All solids; instance ids count from 0 without gaps.
        lights: Point lights.
        exposure: Brightness factor of the picture.
    """

    size: Vector
    camera: Camera
    primitives: list[Primitive] = field(default_factory=list)
    lights: list[Light] = field(default_factory=list)
    exposure: float = 1.0
    instances: int = 0

    def add(
        self,
        solids: Solids,
        class_name: str,
        position: Vector,
        yaw: float = 0.0,
    ) -> int:
        """Set an object down as a new instance and return its id."""
        instance = self.instances
        self.instances += 1
        self.primitives += place(
            solids, position, yaw, instance, CLASS_ID[class_name]
        )
        return instance
