"""Cityscapes' label ids and disparities, and what is made of them.

Decoders raise a ``ValueError`` where a file holds something else
(:class:`mmmtl.datasets.label_file.LabelFile`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from mmmtl.datasets.cityscapes.classes import LAST_ID
from mmmtl.errors import UnreadableFileError, ValueRangeError
from mmmtl.io.arrays import ONE_BYTE, check_array, read_array
from mmmtl.io.plain_files import read_json

#: Stored steps per pixel of disparity, after 1 is taken off.
_STEPS = 256
_DISPARITY = ('disparity', '_disparity.png')
_CAMERA = ('camera', '_camera.json')


def decode_ids(stored: np.ndarray, *, table: np.ndarray) -> np.ndarray:
    """From label ids to classes, 255 for ids without one.

    Args:
        stored: ``(H, W)`` uint8, 0..33, and 255 for the licence plate.
        table: ``(256,)`` uint8, the class of every id.

    Returns:
        ``(H, W)`` uint8.
    """
    check_array(stored, f'{ONE_BYTE} (label ids)')
    found = np.flatnonzero(np.bincount(stored.ravel(), minlength=256))
    wrong = found[(found > LAST_ID) & (found != 255)]
    if wrong.size:
        shown = ', '.join(map(str, wrong[:5]))
        raise ValueRangeError(
            f'holds {shown}: label ids are 0 to {LAST_ID}; the colours and '
            'the instances are other files'
        )
    return table[stored]


def decode_train_ids(stored: np.ndarray) -> np.ndarray:
    """Check classes as Cityscapes' own script writes them.

    Args:
        stored: ``(H, W)`` uint8, the classes and 255.

    Returns:
        The same, as an array that may be changed.
    """
    check_array(stored, f'{ONE_BYTE} (classes)')
    return stored.copy()


def decode_depth(
    stored: tuple[np.ndarray, float], *, max_depth: float | None
) -> np.ndarray:
    """From disparity to metres along the optical axis.

    Convention:
        A stored ``p > 0`` is a disparity of ``d = (p - 1) / 256`` pixels of
        the full image (2048 wide), and depth is ``baseline * focal / d``,
        with the focal length in the same pixels; so depth stays what it is
        where the files were made smaller. No label (0): ``p = 0``, unknown;
        ``p = 1``, infinitely far.

    Args:
        stored: Disparity, ``(H, W)`` whole numbers of 16 bits, and baseline
            times focal length, metres times pixels.
        max_depth: What is farther gets no label: a pixel of disparity is
            half a metre at 15 m and 14 m at 80 m. None keeps all.

    Returns:
        ``(H, W)`` float32.
    """
    values, baseline_focal = stored
    wanted = '(H, W) whole numbers of 16 bits (disparity as in the download)'
    sixteen = (np.uint16, np.int32)  # older Pillow reads them as int32
    check_array(values, wanted, sixteen)
    disparity = (values.astype(np.float32) - 1) / _STEPS
    known = disparity > 0
    depth = np.zeros(values.shape, np.float32)
    np.divide(np.float32(baseline_focal), disparity, out=depth, where=known)
    if max_depth is not None:
        depth[depth > max_depth] = 0
    return depth


def read_disparity(path: str | Path) -> tuple[np.ndarray, float]:
    """Read a disparity map and, beside it, its camera.

    Args:
        path: ``.../disparity/<split>/<city>/<name>_disparity.png``.

    Returns:
        The stored map, and baseline times focal length, metres times pixels.
    """
    return read_array(path), read_camera(camera_path(path))


def camera_path(path: str | Path) -> Path:
    """Return the camera file of a disparity map.

    Args:
        path: As in :func:`read_disparity`.
    """
    path = Path(path)
    folder, ending = _CAMERA
    name = path.name.removesuffix(_DISPARITY[1]) + ending
    split, city = path.parts[-3:-1]
    return path.parents[3] / folder / split / city / name


def read_camera(path: Path) -> float:
    """Return baseline times focal length, metres times pixels.

    Args:
        path: ``<name>_camera.json``.

    Raises:
        UnreadableFileError: If it is no camera file.
    """
    try:
        camera: Any = read_json(path)
        product = camera['extrinsic']['baseline'] * camera['intrinsic']['fx']
    except FileNotFoundError:
        raise
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UnreadableFileError(
            f'camera {path} has no extrinsic.baseline and intrinsic.fx '
            f'({error!r}): unpack the camera archive again'
        ) from error
    if not 0 < product < float('inf'):
        raise ValueRangeError(
            f'camera {path}: baseline times focal length is {product}, it '
            'must be positive: unpack the camera archive again'
        )
    return float(product)
