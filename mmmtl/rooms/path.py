"""A camera that moves through a room, as somebody's hand moves it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from mmmtl.rooms.camera import Camera
from mmmtl.rooms.render import RoomSample, render_view, room_of
from mmmtl.rooms.scene import Scene

# A stream of random numbers apart from those of the room and its pictures.
_PATH = 3
# Swing of each motion to either side of its middle: metres along the
# camera's right and the world's vertical, radians of yaw, pitch and roll. A
# path begins anywhere in its swings, so that it goes up to twice as far from
# there. Forward it only goes out and back, by up to twice the metres: behind
# the camera is a wall.
_REACH = (0.2, 0.08, 0.12, 0.04, 0.015)
_FORWARD = 0.2
# Frames of a whole swing: at 256 columns pixels move by up to about 3.
_PERIOD = (70.0, 140.0)
# Metres that always remain to walls, floor and ceiling.
_GAP = 0.1


@dataclass(frozen=True)
class Frame:
    """One picture of a clip.

    Attributes:
        sample: Picture and labels.
        camera: Where it was taken from.
    """

    sample: RoomSample
    camera: Camera


def camera_path(
    scene: Scene, seed: int, frames: int, *, motion: float = 1.0
) -> list[Camera]:
    """Move a room's camera smoothly.

    Every motion is a slow swing of its own, so the first frames of a longer
    path are the shorter path. The camera stays between walls, floor and
    ceiling; what stands in the room may be in its way.

    Args:
        scene: The room, with the camera where the path begins.
        seed: The same seed gives the same path.
        frames: Number of cameras.
        motion: Factor of all motions, from 0, which stands still. In place
            of one whose swings leave the room, the largest whose do not.

    Returns:
        The cameras; the first is the scene's.
    """
    camera = scene.camera
    rng = np.random.default_rng([seed, _PATH])
    periods = rng.uniform(*_PERIOD, len(_REACH) + 1)
    phases = rng.uniform(0, 2 * math.pi, len(_REACH))
    motion = min(motion, _most_motion(scene, phases))
    side, up, yaw, pitch, roll = (
        [
            motion
            * reach
            * (math.sin(2 * math.pi * t / period + phase) - math.sin(phase))
            for t in range(frames)
        ]
        for reach, period, phase in zip(
            _REACH, periods[:-1], phases, strict=True
        )
    )
    ahead = [
        motion * _FORWARD * (1 - math.cos(2 * math.pi * t / periods[-1]))
        for t in range(frames)
    ]
    cos, sin = math.cos(camera.yaw), math.sin(camera.yaw)
    x, y, z = camera.position
    return [
        replace(
            camera,
            position=(
                x + cos * side[t] + sin * ahead[t],
                # Sideways along x alone: a turned camera stays off the wall.
                y + abs(cos) * ahead[t],
                z + up[t],
            ),
            yaw=camera.yaw + yaw[t],
            pitch=camera.pitch + pitch[t],
            roll=camera.roll + roll[t],
        )
        for t in range(frames)
    ]


def _most_motion(scene: Scene, phases: np.ndarray) -> float:
    """Return the largest motion whose whole swings stay in the room."""
    cos, sin = math.cos(scene.camera.yaw), math.sin(scene.camera.yaw)
    # The two ends of each, at motion 1.
    ends = np.array([-1.0, 1.0])
    side, up = (
        reach * (ends - math.sin(phase))
        for reach, phase in zip(_REACH[:2], phases[:2], strict=True)
    )
    ahead = _FORWARD * (1 + ends)
    return min(
        (end - math.copysign(_GAP, way) - place) / way
        for ways, place, size in zip(
            (
                np.sort(cos * side) + np.sort(sin * ahead),
                abs(cos) * ahead,
                up,
            ),
            scene.camera.position,
            scene.size,
            strict=True,
        )
        for way, end in zip(ways, (0.0, size), strict=True)
        if way
    )


def render_clip(
    seed: int,
    frames: int,
    height: int,
    width: int,
    *,
    varied: bool = False,
    motion: float = 1.0,
    grain: bool = False,
    first: int = 0,
) -> Iterator[Frame]:
    """Render a room from a moving camera, frame by frame.

    Args:
        seed: Of room, path and film.
        frames: Number of pictures.
        height: Rows of the pictures.
        width: Columns of the pictures.
        varied: See :func:`mmmtl.rooms.render.render_room`.
        motion: See :func:`camera_path`.
        grain: Each picture has noise of its own, as films have; otherwise
            all share that of :func:`mmmtl.rooms.render.render_room`, and
            pictures of a still camera are the same.
        first: Number of the first frame; those before it are left out.

    Yields:
        The frames. Without ``grain``, frame 0 is the picture of
        ``render_room`` with this seed.
    """
    scene = room_of(seed, varied=varied)
    path = camera_path(scene, seed, first + frames, motion=motion)
    for number, camera in list(enumerate(path))[first:]:
        sample = render_view(
            replace(scene, camera=camera),
            seed,
            height,
            width,
            varied=varied,
            shot=number if grain else None,
        )
        yield Frame(sample, camera)


def clip_seed(seed: int, number: int = 0) -> int:
    """Return the seed of a clip whose room no data set of rooms holds.

    Args:
        seed: From 0 to ``2**32 - 1``.
        number: Of the clip, below ``2**30``.
    """
    # Rooms of a data set have bit 31 for the split, and places below 2**20:
    # see mmmtl.rooms.produce.Order.room_seed.
    return (seed << 32) | (3 << 30) | number
