"""How PASCAL-Context's maps are stored: readers and decoders."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from mmmtl.datasets.label_file import read_array
from mmmtl.datasets.nyud.dataset import decode_normals
from mmmtl.datasets.pascal.classes import (
    NORMALS_CONTEXT_IDS,
    NUM_CONTEXT_CLASSES,
)
from mmmtl.errors import SizeMismatchError, ValueRangeError
from mmmtl.evaluation.functional.boundary.thinning import thin
from mmmtl.io.arrays import check_bytes, read_mat

LABEL_MAP = 'pascal-context/trainval/{}.mat'

_HAS_NORMALS = np.zeros(NUM_CONTEXT_CLASSES + 1, bool)
_HAS_NORMALS[list(NORMALS_CONTEXT_IDS)] = True


def decode_semseg(stored: np.ndarray) -> np.ndarray:
    """Check class ids; they are stored as they are, 255 is unlabelled.

    Args:
        stored: ``(H, W)`` uint8; of a palette picture the indices.

    Returns:
        The same ids.

    Raises:
        ValueError: If it is another kind of array, e.g. colours.
    """
    check_bytes(stored, 'class ids, or a palette')
    return stored.copy()  # Pillow's arrays cannot be written to


def decode_saliency(stored: np.ndarray) -> np.ndarray:
    """From grey levels to 0 and 1: salient is above half of white.

    Args:
        stored: ``(H, W)`` uint8.

    Returns:
        ``(H, W)`` uint8.

    Raises:
        ValueError: If it is another kind of array.
    """
    check_bytes(stored, 'white is salient')
    return (stored > 127).view(np.uint8)


def read_label_map(path: str | Path) -> np.ndarray:
    """Read PASCAL-Context's class of every pixel.

    Args:
        path: ``.mat`` file with the variable ``LabelMap``.
    """
    return read_mat(path, 'LabelMap')


def check_label_map(stored: np.ndarray) -> None:
    """Refuse what is no map of PASCAL-Context's classes.

    Args:
        stored: The ``LabelMap``.

    Raises:
        ValueError: If it is no ``(H, W)`` array of numbers.
        ValueRangeError: If an id is not 0 to 459.
    """
    if stored.ndim != 2 or stored.dtype.kind not in 'iuf':
        raise ValueError(
            f'LabelMap is {stored.dtype} {stored.shape}: store (H, W) class '
            'ids'
        )
    low, high = stored.min(initial=0), stored.max(initial=0)
    if not 0 <= low <= high <= NUM_CONTEXT_CLASSES:
        raise ValueRangeError(
            f'holds {low:g} to {high:g}: the ids of LabelMap are 0 to '
            f'{NUM_CONTEXT_CLASSES}'
        )


def decode_edge(stored: np.ndarray) -> np.ndarray:
    """From classes to the boundaries between them, thinned.

    Convention:
        A pixel is a candidate where the Laplacian of the ids is not 0, then
        the lines are thinned: 8-connected, one pixel thick. Two touching
        things of one class have no boundary.

    Args:
        stored: ``(H, W)`` ids, the ``LabelMap``.

    Returns:
        ``(H, W)`` uint8, 0 and 1.

    Raises:
        ValueError: See :func:`check_label_map`.
    """
    check_label_map(stored)
    change = cv2.Laplacian(stored.astype(np.float64), cv2.CV_64F) != 0
    return thin(change).astype(np.uint8)


def read_normals(path: str | Path) -> tuple[np.ndarray, np.ndarray]:
    """Read normals and the classes that say where they count.

    Args:
        path: The picture; the ``LabelMap`` lies in a folder beside its own.

    Returns:
        Stored normals and ``LabelMap``.

    Raises:
        SizeMismatchError: If the two have different sizes.
    """
    picture = read_array(path)
    classes_path = Path(path).parents[1] / LABEL_MAP.format(Path(path).stem)
    classes = read_label_map(classes_path)
    if picture.shape[:2] != classes.shape[:2]:
        raise SizeMismatchError(
            f'normals label {path} is {size_text(picture)} (height x '
            f'width), its class map {classes_path} {size_text(classes)}: '
            'write both at one size'
        )
    return picture, classes


def decode_distilled_normals(
    stored: tuple[np.ndarray, np.ndarray],
) -> np.ndarray:
    """From bytes to vectors of our frame, where the class is trusted.

    Convention:
        Frame and grey pixels as in
        :func:`mmmtl.datasets.nyud.dataset.decode_normals`. Where the class is
        not one of ``NORMALS_CONTEXT_IDS`` it is (0, 0, 0), "no label".

    Args:
        stored: Normals, ``(H, W, 3)`` uint8, and classes, ``(H, W)``.

    Returns:
        ``(H, W, 3)`` float32.

    Raises:
        ValueError: If one of them is another kind of array.
    """
    picture, classes = stored
    check_label_map(classes)
    vectors = decode_normals(picture)
    vectors[~_HAS_NORMALS[classes.astype(np.int64)]] = 0
    return vectors


def size_text(array: np.ndarray) -> str:
    """Return height x width, for error texts.

    Args:
        array: ``(H, W, ...)``.
    """
    return f'{array.shape[0]}x{array.shape[1]}'
