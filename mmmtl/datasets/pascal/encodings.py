"""How PASCAL-Context is stored: places, readers and decoders.

The archives PASCALContext of the ATRC paper and PASCAL_MT of MTI-Net are the
same tree; in ``tools/dataset_converters``, ``pascal_context.py`` builds it
and ``rooms.py --layout pascal_context`` renders one::

    JPEGImages/<id>.jpg                 RGB, at most 500x500
    semseg/VOC12/<id>.png               0..20 VOC's classes, 255 unlabelled
    semseg/pascal-context/<id>.png      the same, where VOC12 has no file
    human_parts/<id>.mat                PASCAL-Part's annotation
    normals_distill/<id>.png            RGB, unit vector = 2 v / 255 - 1; x
                                        left, y up, z towards the camera
    sal_distill/<id>.png                grey, salient above half of white
    pascal-context/trainval/<id>.mat    LabelMap, ids 0..459
    ImageSets/Context/{train,val}.txt   one id per line, 4998 and 5105

Decoders raise a ``ValueError`` where a file holds something else
(:class:`mmmtl.datasets.label_file.LabelFile`).
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from mmmtl.datasets.nyud.encodings import decode_normals
from mmmtl.datasets.pascal.classes import (
    NORMALS_CONTEXT_IDS,
    NUM_CONTEXT_CLASSES,
    PART_IDS,
    PERSON,
)
from mmmtl.errors import SizeMismatchError, ValueRangeError
from mmmtl.io.arrays import (
    ONE_BYTE,
    check_array,
    check_white,
    open_picture,
    read_array,
    read_mat,
)

IMAGE = 'JPEGImages/{}.jpg'
SEMSEG_OF_VOC = 'semseg/VOC12/{}.png'
SEMSEG_OF_CONTEXT = 'semseg/pascal-context/{}.png'
PARTS = 'human_parts/{}.mat'
NORMALS = 'normals_distill/{}.png'
SALIENCY = 'sal_distill/{}.png'
LABEL_MAP = 'pascal-context/trainval/{}.mat'
SPLIT = 'ImageSets/Context/{}.txt'

_HAS_NORMALS = np.zeros(NUM_CONTEXT_CLASSES + 1, bool)
_HAS_NORMALS[list(NORMALS_CONTEXT_IDS)] = True


def decode_semseg(stored: np.ndarray) -> np.ndarray:
    """Check class ids; they are stored as they are, 255 is unlabelled.

    Args:
        stored: ``(H, W)`` uint8; of a palette picture the indices.

    Returns:
        The same ids.
    """
    check_array(stored, f'{ONE_BYTE} (class ids, or a palette)')
    return stored.copy()  # Pillow's arrays cannot be written to


def decode_saliency(stored: np.ndarray) -> np.ndarray:
    """From grey levels to 0 and 1: salient is above half of white.

    Args:
        stored: ``(H, W)`` uint8.

    Returns:
        ``(H, W)`` uint8.
    """
    check_array(stored, f'{ONE_BYTE} (white is salient)')
    check_white(stored)
    return (stored > 127).view(np.uint8)


def read_label_map(path: str | Path) -> np.ndarray:
    """Read PASCAL-Context's class of every pixel.

    Args:
        path: ``.mat`` file with the variable ``LabelMap``.
    """
    return read_mat(path, 'LabelMap')


def decode_label_map(stored: np.ndarray) -> np.ndarray:
    """Check PASCAL-Context's classes.

    Args:
        stored: The ``LabelMap``, ``(H, W)`` numbers, 0 to 459.

    Returns:
        ``(H, W)`` int64.
    """
    wanted = '(H, W) class ids as LabelMap'
    check_array(stored, wanted, (np.integer, np.floating))
    low, high = stored.min(initial=0), stored.max(initial=0)
    if not 0 <= low <= high <= NUM_CONTEXT_CLASSES:
        raise ValueRangeError(
            f'holds {low:g} to {high:g}: the ids of LabelMap are 0 to '
            f'{NUM_CONTEXT_CLASSES}'
        )
    return stored.astype(np.int64)


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
    """
    # Here, not at the top: it loads scipy, which the processes that render
    # rooms do without.
    from mmmtl.geometry import thin

    classes = decode_label_map(stored).astype(np.float64)
    return thin(cv2.Laplacian(classes, cv2.CV_64F) != 0).astype(np.uint8)


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
            f'normals label {path} is {_size_text(picture)} (height x '
            f'width), its class map {classes_path} {_size_text(classes)}: '
            'write both at one size'
        )
    return picture, classes


def decode_distilled_normals(
    stored: tuple[np.ndarray, np.ndarray],
) -> np.ndarray:
    """From bytes to vectors of our frame, where the class is trusted.

    Convention:
        Frame and grey pixels as in
        :func:`mmmtl.datasets.nyud.encodings.decode_normals`. Where the class
        is not one of ``NORMALS_CONTEXT_IDS`` it is (0, 0, 0), "no label".

    Args:
        stored: Normals, ``(H, W, 3)`` uint8, and classes, ``(H, W)``.

    Returns:
        ``(H, W, 3)`` float32.
    """
    picture, classes = stored
    trusted = _HAS_NORMALS[decode_label_map(classes)]
    vectors = decode_normals(picture)
    vectors[~trusted] = 0
    return vectors


def read_annotation(path: str | Path) -> tuple[np.ndarray, tuple[int, int]]:
    """Read the objects of a picture and their parts.

    Args:
        path: ``.mat`` file with the variable ``anno``; the picture lies in a
            folder beside its own.

    Returns:
        The annotation, and the picture's ``(H, W)``: where nothing is
        annotated, no mask would tell it.
    """
    annotation = read_mat(path, 'anno')
    picture_path = Path(path).parents[1] / IMAGE.format(Path(path).stem)
    with open_picture(picture_path) as picture:
        return annotation, (picture.height, picture.width)


def decode_human_parts(
    stored: tuple[np.ndarray, tuple[int, int]],
) -> np.ndarray:
    """From PASCAL-Part's masks to one map of six parts.

    Convention:
        0 is everything that is no part of a person; where parts overlap, the
        later one counts.

    Args:
        stored: The annotation, and the size of the picture.

    Returns:
        ``(H, W)`` uint8, index in ``HUMAN_PARTS_CLASSES``.
    """
    annotation, size = stored
    label: np.ndarray | None = None
    for name, mask in _parts_of_people(annotation):
        if label is None:
            label = np.zeros(mask.shape, np.uint8)
        if name not in PART_IDS:
            raise ValueRangeError(
                f'holds a part {name!r}: the parts of a person are '
                f'{", ".join(PART_IDS)}'
            )
        if mask.shape != label.shape:
            raise ValueError(
                f'has masks of {_size_text(mask)} and {_size_text(label)} '
                '(height x width): write all at the size of the picture'
            )
        label[mask > 0] = PART_IDS[name]
    return np.zeros(size, np.uint8) if label is None else label


def _parts_of_people(
    annotation: np.ndarray,
) -> list[tuple[str, np.ndarray]]:
    """Return name and mask of every part of every person, in order."""
    try:
        return [
            (str(part['part_name'].item()), part['mask'])
            for thing in annotation['objects'].item().ravel()
            if thing['class_ind'].item() == PERSON
            for part in thing['parts'].ravel()
        ]
    # scipy gives arrays in arrays; one of another form fails anywhere.
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as e:
        raise ValueError(
            'is no PASCAL-Part annotation: anno has objects with class_ind, '
            'mask and parts, and these part_name and mask'
        ) from e


def _size_text(array: np.ndarray) -> str:
    return f'{array.shape[0]}x{array.shape[1]}'
