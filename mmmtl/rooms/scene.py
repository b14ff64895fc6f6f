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


@dataclass(frozen=True)
class Lighting:
    """Light that comes from no lamp, relative to white.

    Attributes:
        ambient: From everywhere.
        above: More of it from above than from below.
        left: More of it from the camera's left than from its right.
        camera: From the camera, on what faces it at no distance.
        reach: Metres at which the camera's light is halved.
    """

    ambient: float = 0.50
    above: float = 0.05
    left: float = 0.06
    camera: float = 0.34
    reach: float = 3.5


@dataclass
class Scene:
    """A room and everything in it.

    Attributes:
        size: Extents of the room along x, y and z, metres.
        camera: Point of view.
        primitives: All solids; instance ids count from 0 without gaps.
        lights: Point lights.
        exposure: Brightness factor of the picture.
        lighting: Light that comes from no lamp.
    """

    size: Vector
    camera: Camera
    primitives: list[Primitive] = field(default_factory=list)
    lights: list[Light] = field(default_factory=list)
    exposure: float = 1.0
    lighting: Lighting = field(default_factory=Lighting)
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
