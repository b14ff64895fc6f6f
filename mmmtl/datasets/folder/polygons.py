"""Masks that are stored as outlines: COCO's and LabelMe's files.

Convention:
    Corners are rounded to whole pixels, and the outline belongs to the area
    (``cv2.fillPoly``). Shapes are drawn in the order of the file, later ones
    over earlier ones.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from mmmtl.errors import MissingFileError, UnreadableFileError
from mmmtl.io.plain_files import read_json


@dataclass(frozen=True)
class Outlines:
    """The shapes of one image.

    Attributes:
        size: Height and width of the image.
        shapes: Name and areas of each; an area is ``(N, 2)`` corners, x and
            y in pixels.
        faults: Name of each shape that cannot be drawn, and why.
    """

    size: tuple[int, int]
    shapes: tuple[tuple[str, tuple[np.ndarray, ...]], ...]
    faults: tuple[tuple[str, str], ...] = ()


def draw_outlines(
    outlines: Outlines,
    *,
    ids: Mapping[str, int] | None,
    outside: int,
    skip_others: bool = False,
) -> np.ndarray:
    """Draw shapes as a map of ids.

    Args:
        outlines: The shapes.
        ids: Value by name of the shape; None draws 1 for all.
        outside: Value where no shape is.
        skip_others: Leave shapes of other names out; they are refused
            otherwise.

    Returns:
        ``(H, W)`` uint8.

    Raises:
        ValueError: If a shape has another name, or cannot be drawn.
    """
    check_outlines(outlines, ids if skip_others else None)
    drawn = np.full(outlines.size, outside, np.uint8)
    for name, areas in outlines.shapes:
        if ids is None:
            value = 1
        elif name in ids:
            value = ids[name]
        elif skip_others:
            continue
        else:
            raise ValueError(
                f'holds a shape named {name!r}, which is none of '
                f'{", ".join(ids)}: add it to classes, or to no_label'
            )
        for area in areas:
            corners = np.rint(area).astype(np.int32)
            cv2.fillPoly(drawn, [corners], int(value))
    return drawn


def check_outlines(outlines: Outlines, names: Container[str] | None) -> None:
    """Refuse shapes that are to be drawn and cannot be.

    Args:
        outlines: The shapes.
        names: Those that are drawn; all if None.

    Raises:
        UnreadableFileError: If one has no outline, or is no polygon.
    """
    for name, fault in outlines.faults:
        if names is None or name in names:
            raise UnreadableFileError(fault)


def read_labelme(path: str | Path) -> Outlines:
    """Read the file that LabelMe writes for an image.

    Args:
        path: The JSON file.

    Raises:
        UnreadableFileError: If it is no such file, or holds something else
            than polygons and rectangles.
    """
    try:
        content = read_json(path)
        size = (int(content['imageHeight']), int(content['imageWidth']))
        shapes = tuple(
            (shape['label'], (_labelme_area(shape, path),))
            for shape in content['shapes']
        )
    except UnreadableFileError:
        raise
    except (ValueError, KeyError, TypeError) as error:
        raise UnreadableFileError(
            f'{path} is no file of LabelMe ({error!r})'
        ) from error
    return Outlines(size, shapes)


def _labelme_area(shape: Mapping[str, Any], path: str | Path) -> np.ndarray:
    form = shape.get('shape_type', 'polygon')
    points = np.asarray(shape['points'], np.float64)
    if form == 'polygon':
        return points
    if form == 'rectangle':
        (left, top), (right, bottom) = points
        return np.array(
            [[left, top], [right, top], [right, bottom], [left, bottom]]
        )
    raise UnreadableFileError(
        f'{path} holds a {form} named {shape["label"]!r}: polygons and '
        'rectangles are read; draw it as a polygon'
    )


def read_coco(image_path: str | Path, *, annotations: str) -> Outlines:
    """Return the shapes of an image in COCO's list.

    Args:
        image_path: The image. Its entry is the one whose ``file_name`` is
            the end of this path, the longest if several are.
        annotations: The JSON file of all images.

    Raises:
        MissingFileError: If the image is not in the list.
        UnreadableFileError: If it is no such list.
    """
    name = coco_name(image_path, annotations)
    if name is None:
        raise MissingFileError(
            f'{image_path} is not among the images of {annotations}: add it, '
            "or give missing='no_label'"
        )
    return _coco(annotations)[1][name]


def coco_name(image_path: str | Path, annotations: str) -> str | None:
    """Return the ``file_name`` of an image in COCO's list, if it is there.

    Args:
        image_path: The image.
        annotations: The JSON file of all images.
    """
    _, known = _coco(annotations)
    parts = Path(image_path).as_posix().split('/')
    ends = ('/'.join(parts[start:]) for start in range(len(parts)))
    return next((end for end in ends if end in known), None)


def coco_categories(annotations: str) -> set[str]:
    """Return the names that shapes of COCO's list may have.

    Args:
        annotations: The JSON file of all images.
    """
    return _coco(annotations)[0]


@cache
def _coco(path: str) -> tuple[set[str], dict[str, Outlines]]:
    """Read a list once per process: names of shapes, shapes by image."""
    try:
        content = read_json(path)
        names = {row['id']: row['name'] for row in content['categories']}
        shapes: dict[Any, list] = defaultdict(list)
        faults: dict[Any, list] = defaultdict(list)
        for row in content['annotations']:
            name, image = names[row['category_id']], row['image_id']
            if fault := _coco_fault(row, path):
                faults[image].append((name, fault))
            else:
                shapes[image].append((name, _coco_areas(row)))
        found = {
            row['file_name']: Outlines(
                (row['height'], row['width']),
                tuple(shapes[row['id']]),
                tuple(faults[row['id']]),
            )
            for row in content['images']
        }
    except FileNotFoundError as error:
        raise MissingFileError(f'{path}: no such file; restore it') from error
    except UnreadableFileError:
        raise
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UnreadableFileError(
            f'{path} is no list of COCO ({error!r})'
        ) from error
    if len(found) < len(content['images']):
        raise UnreadableFileError(f'{path} names an image twice: keep one')
    # Lists that were joined have them: shapes would be drawn on both.
    for key in ('images', 'categories'):
        ids = [row['id'] for row in content[key]]
        if len(set(ids)) < len(ids):
            raise UnreadableFileError(
                f'{path} has two {key} of one id: number them anew'
            )
    return set(names.values()), found


def _coco_fault(row: Mapping[str, Any], path: str) -> str | None:
    """Say why a shape cannot be drawn, which matters only if it is to be."""
    stored = row.get('segmentation')
    if isinstance(stored, Mapping):
        return (
            f'{path}: annotation {row.get("id")} is a run-length code, '
            'polygons are read: write it as a polygon, or the masks as '
            'pictures'
        )
    if not stored:
        return (
            f'{path}: annotation {row.get("id")} has no outline, a box '
            'perhaps: polygons are read; draw it, or take it out'
        )
    return None


def _coco_areas(row: Mapping[str, Any]) -> tuple[np.ndarray, ...]:
    areas = row['segmentation']
    return tuple(np.asarray(a, np.float64).reshape(-1, 2) for a in areas)
