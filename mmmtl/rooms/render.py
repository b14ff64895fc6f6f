"""One call from a seed to a picture with all its labels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mmmtl.geometry.operators import edges2d, keypoints2d
from mmmtl.rooms import labels
from mmmtl.rooms.raster import cast
from mmmtl.rooms.sampling import sample_scene
from mmmtl.rooms.scene import Scene
from mmmtl.rooms.shading import shade
from mmmtl.rooms.variety import develop, varied_scene

# Streams of random numbers that belong to a seed.
_SCENE, _FILM, _GRAIN = 0, 1, 2


@dataclass(frozen=True)
class RoomSample:
    """A picture of a room and what every pixel of it is.

    Field names are task names where there is a task.

    Attributes:
        image: (H, W, 3) RGB uint8.
        semseg: (H, W) uint8, index in CLASSES; every pixel has a class.
        depth: (H, W) float32, metres along the line of sight (z-depth).
        normals: (H, W, 3) float32 unit vectors, x right, y down, z forward,
            towards the camera.
        edge: (H, W) uint8, 1 on boundaries between objects.
        saliency: (H, W) uint8, 1 on what stands out.
        human_parts: (H, W) uint8, index in HUMAN_PARTS.
        reshading: (H, W) float32 in 0..1.
        keypoints2d: (H, W) float32 in 0..1.
        edges2d: (H, W) float32 in 0..1.
        instance: (H, W) int32 object ids.
    """

    image: np.ndarray
    semseg: np.ndarray
    depth: np.ndarray
    normals: np.ndarray
    edge: np.ndarray
    saliency: np.ndarray
    human_parts: np.ndarray
    reshading: np.ndarray
    keypoints2d: np.ndarray
    edges2d: np.ndarray
    instance: np.ndarray


def render_room(
    seed: int, height: int, width: int, *, varied: bool = False
) -> RoomSample:
    """Render the room that belongs to a seed.

    Args:
        seed: Any integer from 0; the same seed gives the same arrays.
        height: Rows of the picture.
        width: Columns of the picture.
        varied: Another room, out of a wider range of rooms, colours, lights,
            cameras and films: for models that are to see photographs.
    """
    scene = room_of(seed, varied=varied)
    return render_view(scene, seed, height, width, varied=varied)


def room_of(seed: int, *, varied: bool = False) -> Scene:
    """Return the room that belongs to a seed, and its camera.

    Args:
        seed: Any integer from 0.
        varied: See :func:`render_room`.
    """
    rng = np.random.default_rng([seed, _SCENE])
    return varied_scene(rng) if varied else sample_scene(rng)


def render_view(
    scene: Scene,
    seed: int,
    height: int,
    width: int,
    *,
    varied: bool = False,
    shot: int | None = None,
) -> RoomSample:
    """Render what the camera of a room sees.

    Args:
        scene: The room.
        seed: Of the film.
        height: Rows of the picture.
        width: Columns of the picture.
        varied: See :func:`render_room`.
        shot: Number of a picture taken on the same film, which has grain
            of its own; None has that of :func:`render_room`.
    """
    # The scene does not depend on the size, nor the noise on the scene.
    film = np.random.default_rng([seed, _FILM])
    grain = film
    if shot is not None:
        grain = np.random.default_rng([seed, _GRAIN, shot])
    hits = cast(scene.primitives, scene.camera, height, width)
    image = shade(scene, hits, film, grain)
    if varied:
        image = develop(image, film, grain)
    solids = scene.primitives
    semseg = _table(solids, 'class_id', np.uint8)[hits.primitive]
    instance = _table(solids, 'instance', np.int32)[hits.primitive]
    return RoomSample(
        image=image,
        semseg=semseg,
        depth=hits.depth,
        normals=labels.camera_normals(hits, scene.camera),
        edge=labels.boundaries(instance),
        saliency=labels.saliency(semseg, instance, hits.depth),
        human_parts=_table(solids, 'part', np.uint8)[hits.primitive],
        reshading=labels.reshading(hits),
        keypoints2d=keypoints2d(image),
        edges2d=edges2d(image),
        instance=instance,
    )


def _table(solids: list, name: str, dtype: type) -> np.ndarray:
    return np.array([getattr(solid, name) for solid in solids], dtype)
