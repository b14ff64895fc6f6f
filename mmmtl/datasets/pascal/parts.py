"""How PASCAL-Part annotates people, and the map that is made of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from mmmtl.datasets.pascal.classes import PART_IDS, PERSON
from mmmtl.datasets.pascal.labels import size_text
from mmmtl.errors import ValueRangeError
from mmmtl.io.arrays import read_mat

JPEG = 'JPEGImages/{}.jpg'


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
    picture_path = Path(path).parents[1] / JPEG.format(Path(path).stem)
    with Image.open(picture_path) as picture:
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

    Raises:
        ValueError: If the annotation is not PASCAL-Part's.
        ValueRangeError: If a person has an unknown part.
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
                f'has masks of {size_text(mask)} and {size_text(label)} '
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
