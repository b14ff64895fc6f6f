"""How Taskonomy and its relatives store labels, and what is made of it.

Holes of the scanned mesh are found in the stored numbers, before anything is
scaled: after it 65535 would be an ordinary depth. Decoders raise a
``ValueError`` where a file holds something else
(:class:`mmmtl.datasets.label_file.LabelFile`).
"""

from __future__ import annotations

from collections.abc import Mapping

import cv2
import numpy as np

from mmmtl.datasets.stored_normals import VALUE_OF_BYTE
from mmmtl.errors import ValueRangeError
from mmmtl.io.arrays import check_array

# The largest number of 16 bits.
_FULL = 65535
#: Stored depth of a pixel that no surface was found for.
DEPTH_HOLE = _FULL
# Unit vectors are within 1 % of length 1 as bytes; the grey (128, 128, 128)
# of a hole has length 0.007.
_SHORTEST_NORMAL = 0.5
_RGB = 'an RGB picture of 8 bits per channel'

#: Share of the 16 bits that is scaled to 1, by scheme and task. The maps use
#: a small part of the range: of Taskonomy's key points hardly a pixel is
#: above 1120. ``taskonomy`` clips where the authors' code does (its -1..1 is
#: 0..1 here), ``multimae`` as MultiMAE and Omnidata did, ``full`` nowhere.
HEAT_MAP_SCALES: Mapping[str, Mapping[str, float]] = {
    'taskonomy': {'keypoints2d': 0.005, 'edges2d': 0.08},
    'multimae': {'keypoints2d': 1.0, 'edges2d': 0.25},
    'full': {'keypoints2d': 1.0, 'edges2d': 1.0},
}


def decode_semantic(stored: np.ndarray) -> np.ndarray:
    """From 0 "uncertain", 1 background, 2.. objects to 0.., 255 unlabelled.

    Args:
        stored: ``(H, W)`` uint8.

    Returns:
        ``(H, W)`` uint8.
    """
    check_array(stored, '(H, W) class ids of 8 bits, not colours')
    return stored - np.uint8(1)  # 0 wraps around to 255


def decode_panoptic(stored: np.ndarray) -> np.ndarray:
    """From class id in red, 0 "undefined", to 0.., 255 unlabelled.

    Args:
        stored: ``(H, W, 3)`` uint8; green and blue hold the instance.

    Returns:
        ``(H, W)`` uint8; a stored 0 or 255 becomes 255.
    """
    check_array(stored, f'{_RGB} (the class id in red)', channels=3)
    red = stored[..., 0]
    return np.where(red == 255, np.uint8(255), red - np.uint8(1))


def decode_depth(
    stored: np.ndarray, *, scale: float, margin: int = 0
) -> np.ndarray:
    """From 16 bits to metres along the optical axis, 0 in holes.

    Convention:
        65535 alone is a hole, as documented. Taskonomy's own code starts at
        64500, where bilinear resizing mixed holes into their neighbours;
        labels are resized to the nearest here. No room is 126 m deep.

    Args:
        stored: ``(H, W)`` 16-bit numbers.
        scale: Steps per metre.
        margin: Pixels by which holes are widened.

    Returns:
        ``(H, W)`` float32.
    """
    stored = _sixteen_bits(stored)
    holes = widen(stored == DEPTH_HOLE, margin)
    return np.where(holes, 0, stored / np.float32(scale)).astype(np.float32)


def decode_normals(stored: np.ndarray, *, margin: int = 0) -> np.ndarray:
    """From bytes to vectors, 2 v / 255 - 1, (0, 0, 0) in holes.

    Convention:
        Red, green, blue are x right, y down, z forward; the vector points to
        the camera. That is the frame of :class:`mmmtl.tasks.kinds.Normals`.
        Lengths are within 1 % of 1 and stay as they are.

    Args:
        stored: ``(H, W, 3)`` uint8.
        margin: Pixels by which holes are widened.

    Returns:
        ``(H, W, 3)`` float32.
    """
    check_array(stored, f'{_RGB} (x, y, z as red, green, blue)', channels=3)
    normals = VALUE_OF_BYTE[stored]
    length = np.sqrt(np.square(normals).sum(axis=2))
    normals[widen(length < _SHORTEST_NORMAL, margin)] = 0
    return normals


def decode_reshading(
    stored: tuple[np.ndarray, np.ndarray] | np.ndarray, *, margin: int = 0
) -> np.ndarray:
    """From a grey picture to 0..1, NaN in holes.

    Convention:
        The picture cannot say where its holes are: they are grey (about 13
        of 255), and so are dark surfaces. They come from a second picture,
        depth (65535) or a mask of valid pixels (0).

    Args:
        stored: ``(H, W)`` or ``(H, W, 3)`` uint8 with equal channels, alone
            or in a pair with the picture of the holes.
        margin: Pixels by which holes are widened.

    Returns:
        ``(H, W)`` float32.
    """
    grey, mask = stored if isinstance(stored, tuple) else (stored, None)
    if grey.dtype != np.uint8 or not _is_grey(grey):
        raise ValueError(
            f'is {grey.dtype} {grey.shape}, or coloured: write a grey picture '
            'of 8 bits'
        )
    grey = grey if grey.ndim == 2 else grey[..., 0]
    label = grey * np.float32(1 / 255)
    if mask is not None:
        holes = find_holes(mask)
        if holes.shape != label.shape:
            raise ValueError(
                f'is {_size(label)}, the map of its holes {_size(holes)}: '
                'write both at one size'
            )
        label[widen(holes, margin)] = np.nan
    return label


def decode_heat_map(stored: np.ndarray, *, full: float) -> np.ndarray:
    """From 16 bits to 0..1; every pixel has a label.

    Args:
        stored: ``(H, W)`` 16-bit numbers.
        full: Share of the 16-bit range that becomes 1; more is cut.

    Returns:
        ``(H, W)`` float32.
    """
    stored = _sixteen_bits(stored).astype(np.float32)
    return np.minimum(stored / np.float32(_FULL * full), 1)


def encode_depth(metres: np.ndarray, scale: float) -> np.ndarray:
    """From metres to 16 bits; a depth that they cannot hold is a hole.

    Args:
        metres: ``(H, W)``.
        scale: Steps per metre.

    Returns:
        ``(H, W)`` uint16.
    """
    steps = np.round(metres * scale)
    return np.where(steps < _FULL, steps, _FULL).astype(np.uint16)


def encode_heat_map(values: np.ndarray, full: float) -> np.ndarray:
    """From 0..1 to 16 bits.

    Args:
        values: ``(H, W)``.
        full: Share of the 16-bit range where 1 lies.

    Returns:
        ``(H, W)`` uint16.
    """
    return np.round(values * (full * _FULL)).astype(np.uint16)


def find_holes(mask: np.ndarray) -> np.ndarray:
    """Return where there was no surface.

    Args:
        mask: ``(H, W)``, either depth of 16 bits (65535 is a hole) or 8 bits
            with 0 in holes.

    Returns:
        ``(H, W)`` bool.
    """
    if mask.ndim == 2 and mask.dtype == np.uint8:
        return mask == 0
    return _sixteen_bits(mask) == DEPTH_HOLE


def widen(holes: np.ndarray, margin: int) -> np.ndarray:
    """Add the pixels around the holes, in a square.

    Args:
        holes: ``(H, W)`` bool.
        margin: How far, in pixels.

    Returns:
        ``(H, W)`` bool.
    """
    if margin == 0:
        return holes
    square = np.ones((2 * margin + 1, 2 * margin + 1), np.uint8)
    return cv2.dilate(holes.astype(np.uint8), square) > 0


def _sixteen_bits(stored: np.ndarray) -> np.ndarray:
    wanted = (
        '(H, W) numbers of 16 bits, as in the download; converting to 8 bits '
        'loses them'
    )
    # Older Pillow reads 16-bit pictures as int32.
    check_array(stored, wanted, (np.uint16, np.int32))
    low, high = stored.min(initial=0), stored.max(initial=0)
    if low < 0 or high > _FULL:
        raise ValueRangeError(f'holds {low} to {high}: write 0 to {_FULL}')
    return stored


def _is_grey(picture: np.ndarray) -> bool:
    if picture.ndim == 2:
        return True
    return picture.ndim == 3 and bool((picture == picture[..., :1]).all())


def _size(array: np.ndarray) -> str:
    return 'x'.join(map(str, array.shape[:2]))
