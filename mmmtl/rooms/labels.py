"""The label maps of a picture, each (H, W) or (H, W, 3).

Most follow from what the rays met. 2D edges and 2D key points are answers of
operators that look at the picture only; their scales are fixed, so that a
value means the same in every picture.
"""

from __future__ import annotations

import numpy as np

from mmmtl.rooms.camera import Camera, dot
from mmmtl.rooms.classes import CLASS_ID
from mmmtl.rooms.raster import Hits

# Rule for saliency: see ``saliency``.
_SMALL_THINGS = tuple(CLASS_ID[n] for n in ('chair', 'lamp', 'otherprop'))

_PERSON = CLASS_ID['person']

# A step of full contrast gives about 0.33 at sigma 1.1: a step of a quarter
# of the contrast already counts as 1.
_FULL_EDGE = 0.09

# Harris answers of corners lie around 1e-6 to 1e-4: the square root spreads
# them over the range.
_FULL_CORNER = 2e-5

_HARRIS_K = 0.05


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


def edges2d(image: np.ndarray) -> np.ndarray:
    """Strength of the grey picture's gradient, (H, W) float32 in 0..1.

    Gaussian blur (sigma 1.1), central differences, magnitude; linear up to a
    step of about a quarter of the full contrast, cut above.

    Args:
        image: (H, W, 3) RGB uint8.
    """
    gx, gy = _gradient(_blur(_grey(image), 1.1))
    return np.minimum(np.hypot(gx, gy) / _FULL_EDGE, 1).astype(np.float32)


def keypoints2d(image: np.ndarray) -> np.ndarray:
    """How much a pixel looks like a corner, (H, W) float32 in 0..1.

    Harris' measure (blur 1, window 1.5, k 0.05) of the grey picture,
    negative answers (edges) set to 0, then the square root of its share of a
    fixed full answer, cut at 1.

    Args:
        image: (H, W, 3) RGB uint8.
    """
    gx, gy = _gradient(_blur(_grey(image), 1.0))
    xx, yy, xy = (_blur(a, 1.5) for a in (gx * gx, gy * gy, gx * gy))
    harris = xx * yy - xy * xy - _HARRIS_K * (xx + yy) ** 2
    harris = np.maximum(harris, 0) / _FULL_CORNER
    return np.minimum(np.sqrt(harris), 1).astype(np.float32)


def _gradient(image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    padded = np.pad(image, 1, mode='edge')
    gx = 0.5 * (padded[1:-1, 2:] - padded[1:-1, :-2])
    gy = 0.5 * (padded[2:, 1:-1] - padded[:-2, 1:-1])
    return gx, gy


def _blur(image: np.ndarray, sigma: float) -> np.ndarray:
    """Separable gaussian, three sigmas wide, border repeated."""
    radius = int(3 * sigma + 0.5)
    steps = np.arange(-radius, radius + 1)
    kernel = np.exp(-0.5 * (steps / sigma) ** 2)
    kernel = (kernel / kernel.sum()).astype(np.float32)
    for axis in (0, 1):
        pad = [(0, 0), (0, 0)]
        pad[axis] = (radius, radius)
        padded = np.pad(image, pad, mode='edge')
        size = image.shape[axis]
        image = sum(
            float(weight) * padded.take(range(i, i + size), axis)
            for i, weight in enumerate(kernel)
        )
    return image


def _grey(image: np.ndarray) -> np.ndarray:
    red, green, blue = np.moveaxis(image.astype(np.float32) / 255, -1, 0)
    return 0.299 * red + 0.587 * green + 0.114 * blue
