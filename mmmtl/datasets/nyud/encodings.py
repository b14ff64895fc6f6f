"""How NYU Depth v2 is stored: decoders and writers of its two layouts.

Pictures (the archive of ATRC)::

    images/<id>.png         RGB, 425x560
    segmentation/<id>.png   0 unlabelled, 1..40 the classes
    normals/<id>.png        RGB, unit vector = 2 v / 255 - 1; x left, y up,
                            z towards the camera; 128 128 128 none
    depth/<id>.npy          float, metres, 0 unknown
    edge/<id>.png           0 or 255

Arrays (the archive NYUD_MT of MTI-Net)::

    images/<id>.jpg         RGB, 425x560
    segmentation/<id>.png   as above
    normals/<id>.npy        float, (H, W, 3) unit vectors; x left, y up,
                            z towards the camera; 0 0 0 none
    depth/<id>.npy          as above
    edge/<id>.npy           float, 0 or 1

In both ``gt_sets/train.txt`` and ``gt_sets/val.txt`` hold one id of four
digits per line. Decoders raise a ``ValueError`` where a file holds something
else (:class:`mmmtl.datasets.label_file.LabelFile`).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from mmmtl.datasets.stored_normals import (
    bytes_of_vectors,
    swap_frame,
    vectors_of_bytes,
)
from mmmtl.errors import ValueRangeError
from mmmtl.io.arrays import check_array, check_white

# The sensor saw to about 10 m. More than this is another unit (millimetres)
# or the 255 that some code writes for "unknown".
MAX_DEPTH_M = 100.0
# Room for rounding above 1, the largest component of a unit vector.
_LARGEST_COMPONENT = 1.01
_JPEG = dict(quality=95, subsampling=0)


def decode_semseg(stored: np.ndarray) -> np.ndarray:
    """From stored ids (0 unlabelled, 1.. classes) to 0.., 255 unlabelled.

    Args:
        stored: ``(H, W)`` whole numbers.

    Returns:
        ``(H, W)`` uint8.
    """
    check_array(stored, '(H, W) whole numbers (class ids)', np.integer)
    low, high = stored.min(initial=0), stored.max(initial=0)
    if low < 0 or high > 255:
        raise ValueRangeError(
            f'holds {low} to {high}: write class ids as uint8, 0 where '
            'unlabelled'
        )
    return stored.astype(np.uint8) - np.uint8(1)  # 0 wraps around to 255


def decode_depth(stored: np.ndarray) -> np.ndarray:
    """Check metres; 0 is "unknown".

    Args:
        stored: ``(H, W)`` or ``(H, W, 1)`` floating point, 0 to
            ``MAX_DEPTH_M``.

    Returns:
        ``(H, W)`` float32.
    """
    stored = _without_channel(stored)
    check_array(stored, '(H, W) floating point (metres)', np.floating)
    low, high = stored.min(initial=0), stored.max(initial=0)
    # A NaN makes both NaN, and every comparison with it false.
    if not (low >= 0 and high <= MAX_DEPTH_M):
        found = (
            f'{low:g} to {high:g}'
            if np.isfinite([low, high]).all()
            else 'NaN or infinity'
        )
        raise ValueRangeError(
            f'holds {found}: write metres, at most {MAX_DEPTH_M:g}, and 0 '
            'where the depth is unknown'
        )
    return np.ascontiguousarray(stored, np.float32)


def decode_normals(stored: np.ndarray) -> np.ndarray:
    """From bytes to vectors of our frame, 1 - 2 v / 255: not normalised.

    Convention:
        Stored are x left, y up, z towards the camera
        (:mod:`mmmtl.datasets.stored_normals`), and all three change sign.
        The grey (128, 128, 128) is "no label" and becomes (0, 0, 0);
        ``tools/dataset_converters/nyud.py`` writes it. The released code
        counts such pixels, see
        :func:`mmmtl.datasets.stored_normals.vectors_of_bytes`.

    Args:
        stored: ``(H, W, 3)`` uint8 in RGB order.

    Returns:
        ``(H, W, 3)`` float32.
    """
    return swap_frame(vectors_of_bytes(stored))


def decode_float_normals(stored: np.ndarray) -> np.ndarray:
    """Turn vectors into our frame; (0, 0, 0) is "no label".

    Convention:
        Stored are x left, y up, z towards the camera
        (:mod:`mmmtl.datasets.stored_normals`), and all three change sign.
        They are not normalised.

    Args:
        stored: ``(H, W, 3)`` floating point, components in -1..1.

    Returns:
        ``(H, W, 3)`` float32.
    """
    wanted = '(H, W, 3) floating point unit vectors'
    check_array(stored, wanted, np.floating, channels=3)
    largest = np.abs(stored).max(initial=0)
    # Comparisons with NaN are false.
    if not largest <= _LARGEST_COMPONENT:
        raise ValueRangeError(
            f'holds {largest:g} as its largest component: write unit '
            'vectors, and (0, 0, 0) where there is no normal'
        )
    return swap_frame(np.ascontiguousarray(stored, np.float32))


def decode_edge(stored: np.ndarray) -> np.ndarray:
    """From 0 and 255 to 0 and 1.

    Convention:
        A grey value counts as boundary from 128 on, i.e. from half of white.
        A picture that is not black but darker than that throughout was
        written in other values (0 and 1, say) and is refused; so is one of 0
        and 1 with 255 for "no label".

    Args:
        stored: ``(H, W)`` uint8.

    Returns:
        ``(H, W)`` uint8.
    """
    check_array(stored, '(H, W) uint8 (0 and 255)')
    if 0 < stored.max(initial=0) < 128:
        raise ValueError(
            f'is uint8 with {stored.max(initial=0)} as its largest value: '
            'write 255 where there is a boundary and 0 elsewhere'
        )
    check_white(stored)
    return (stored >= 128).view(np.uint8)


def decode_float_edge(stored: np.ndarray) -> np.ndarray:
    """From 0..1 to 0 and 1; from 0.5 on it is a boundary.

    Args:
        stored: ``(H, W)`` or ``(H, W, 1)``, numbers or booleans in 0..1.

    Returns:
        ``(H, W)`` uint8.
    """
    stored = _without_channel(stored)
    numbers = (np.floating, np.integer, np.bool_)
    check_array(stored, '(H, W) numbers, 0 and 1', numbers)
    low, high = stored.min(initial=0), stored.max(initial=0)
    if not (low >= 0 and high <= 1):
        raise ValueRangeError(
            f'holds {low:g} to {high:g}: write 1 where there is a boundary '
            'and 0 elsewhere'
        )
    return (stored >= 0.5).view(np.uint8)


def _without_channel(stored: np.ndarray) -> np.ndarray:
    return stored[..., 0] if stored.shape[2:] == (1,) else stored


@dataclass(frozen=True)
class ViewMaps:
    """What is stored of a view, all of one size.

    Attributes:
        image: ``(H, W, 3)`` uint8 RGB.
        segmentation: ``(H, W)`` uint8, 0 unlabelled, 1..40 the classes.
        depth: ``(H, W)`` float32 metres, 0 unknown.
        normals: ``(H, W, 3)`` float32 vectors of our frame, 0 0 0 where
            there is none; their length may be off by a step of 1 / 255. They
            are written in the archives' frame.
        edge: ``(H, W)`` uint8, 0 and 1.
    """

    image: np.ndarray
    segmentation: np.ndarray
    depth: np.ndarray
    normals: np.ndarray
    edge: np.ndarray


def write_pictures(folder: Path, sample_id: str, maps: ViewMaps) -> None:
    """Write a view as :class:`mmmtl.datasets.NYUDv2Dataset` reads it.

    Args:
        folder: The data folder, with a folder for each kind of map.
        sample_id: The view.
        maps: What to write.
    """
    pictures = {
        'images': maps.image,
        'segmentation': maps.segmentation,
        'edge': maps.edge * np.uint8(255),
        'normals': bytes_of_vectors(swap_frame(maps.normals)),
    }
    for name, picture in pictures.items():
        path = folder / f'{name}/{sample_id}.png'
        Image.fromarray(np.ascontiguousarray(picture)).save(path)
    np.save(folder / f'depth/{sample_id}.npy', maps.depth)


def write_arrays(folder: Path, sample_id: str, maps: ViewMaps) -> None:
    """Write a view as :class:`mmmtl.datasets.NYUDMTDataset` reads it.

    Args:
        folder: The data folder, with a folder for each kind of map.
        sample_id: The view.
        maps: What to write; normals are made unit vectors.
    """
    image = Image.fromarray(np.ascontiguousarray(maps.image))
    image.save(folder / f'images/{sample_id}.jpg', **_JPEG)
    path = folder / f'segmentation/{sample_id}.png'
    Image.fromarray(np.ascontiguousarray(maps.segmentation)).save(path)
    length = np.linalg.norm(maps.normals, axis=2, keepdims=True)
    arrays = {
        'depth': maps.depth,
        'normals': swap_frame(maps.normals) / np.where(length > 0, length, 1),
        'edge': maps.edge,
    }
    for name, array in arrays.items():
        np.save(folder / f'{name}/{sample_id}.npy', array.astype(np.float32))
