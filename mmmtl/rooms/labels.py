"""The label maps of a picture, each (H, W) or (H, W, 3).

They follow from what the rays met; 2D edges and 2D key points, which look at
the picture only, are in :mod:`mmmtl.geometry.operators`.
"""

from __future__ import annotations

import numpy as np

from mmmtl.rooms.camera import Camera, dot
from mmmtl.rooms.classes import CLASS_ID
from mmmtl.rooms.raster import Hits

# Rule for saliency: see ``saliency``.
_SMALL_THINGS = tuple(CLASS_ID[n] for n in ('chair', 'lamp', 'otherprop'))

_PERSON = CLASS_ID['person']


def camera_normals(hits: Hits, camera: Camera) -> np.ndarray:
    """Unit normals in the camera frame, (H, W, 3) float32.

    Convention: x right, y down, z forward; every normal points to the camera
    side of its pixel's ray (n . ray < 0), hence z < 0 near the middle.
    """
    x, y, z = camera.to_camera(hits.normals)
    return np.stack([x, y, z], axis=-1).astype(np.float32)


def boundaries(instance: np.ndarray) -> np.ndarray:
    """Object boundaries, uint8 0 or 1.

    A pixel is 1 where its right or its lower neighbour belongs to another
    instance: lines on the left and upper side of a change. They are not
    thin: 4-connected (a staircase) where they fall to the right, 8-connected
    where they rise.
    """
    edge = np.zeros(instance.shape, np.uint8)
    edge[:, :-1] |= instance[:, :-1] != instance[:, 1:]
    edge[:-1] |= instance[:-1] != instance[1:]
    return edge


def saliency(
    semseg: np.ndarray, instance: np.ndarray, depth: np.ndarray
) -> np.ndarray:
    """What stands out, uint8 0 or 1.

    Rule: people of at least 0.3 % of the picture; and small things (chair,
    lamp, otherprop) of 0.3 to 12 % that the picture's border does not cut and
    that are nearer, at their median, than the picture's median depth.
    """
    classes, sizes = class_of_instance(semseg, instance)
    middle = np.median(depth)
    rim = (instance[0], instance[-1], instance[:, 0], instance[:, -1])
    cut = set(np.concatenate(rim).tolist())
    salient = np.zeros(len(sizes), bool)
    for index in np.flatnonzero(sizes >= 0.003 * instance.size):
        if classes[index] == _PERSON:
            salient[index] = True
        elif classes[index] in _SMALL_THINGS:
            small = sizes[index] <= 0.12 * instance.size
            near = np.median(depth[instance == index]) < middle
            salient[index] = small and near and index not in cut
    return salient[instance].astype(np.uint8)


def class_of_instance(
    semseg: np.ndarray, instance: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Class and number of pixels of every instance id up to the largest."""
    sizes = np.bincount(instance.ravel())
    classes = np.zeros(len(sizes), np.int64)
    classes[instance.ravel()] = semseg.ravel()
    return classes, sizes


def reshading(hits: Hits) -> np.ndarray:
    """White matt surfaces under a light at the camera, float32 in 0..1.

    The value is the cosine between the normal and the way back to the
    camera; distance does not darken it.
    """
    facing = -dot(hits.normals, hits.rays)
    return np.clip(facing, 0, 1).astype(np.float32)
