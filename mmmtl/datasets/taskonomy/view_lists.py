"""Lists of views, from tables of buildings and the folders of a download."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mmmtl.datasets.taskonomy.encodings import find_holes
from mmmtl.datasets.taskonomy.layout import ViewId
from mmmtl.errors import DatasetError
from mmmtl.io.arrays import read_array
from mmmtl.io.plain_files import read_text

SPLITS = ('train', 'val', 'test')
#: The published division of Replica's scenes.
REPLICA_SCENES: Mapping[str, Sequence[str]] = {
    'train': (
        *('frl_apartment_0', 'frl_apartment_1', 'apartment_0', 'apartment_1'),
        *('office_1', 'office_3', 'office_4', 'room_0', 'room_2', 'hotel_0'),
    ),
    'val': ('apartment_2', 'office_0', 'frl_apartment_2', 'frl_apartment_3'),
    'test': ('room_1', 'office_2', 'frl_apartment_4', 'frl_apartment_5'),
}
# Steps per metre that releases are known to have, the usual one first, and
# what the median depth of a view inside a building can be, in metres.
_DEPTH_SCALES = (512.0, 4096.0)
_INDOOR = (0.5, 8.0)


@dataclass(frozen=True)
class ViewList:
    """The views of one split.

    Attributes:
        ids: ``building/view``, sorted.
        absent: Buildings without any image.
        incomplete: Number of views with an image that lack a label.
    """

    ids: tuple[str, ...]
    absent: tuple[str, ...]
    incomplete: int


def read_buildings(path: Path) -> dict[str, tuple[str, ...]]:
    """Read a table with a row ``id,train,val,test`` per building.

    Args:
        path: The table; a building is in the splits that hold a 1.

    Returns:
        Split to names.

    Raises:
        DatasetError: If it is no such table, or a building is in several
            splits.
    """
    try:
        rows = list(csv.DictReader(io.StringIO(read_text(path))))
    except (OSError, ValueError, csv.Error) as error:
        raise DatasetError(
            f'table of buildings {path} is unreadable ({error})'
        ) from error
    columns = ('id', *SPLITS)
    if not rows or any(row.get(c) is None for row in rows for c in columns):
        raise DatasetError(
            f'table of buildings {path} needs the columns {", ".join(columns)}'
            ' and a row per building, as the published ones have'
        )
    for row in rows:
        flags = [row[split].strip() for split in SPLITS]
        if not set(flags) <= {'0', '1'} or flags.count('1') > 1:
            raise DatasetError(
                f'table of buildings {path} has {",".join(flags)} for '
                f'{row["id"]!r}: one of {", ".join(SPLITS)} may be 1, the '
                'others 0'
            )
    return {
        split: tuple(row['id'] for row in rows if row[split].strip() == '1')
        for split in SPLITS
    }


def list_views(
    root: Path, image: str, labels: Sequence[str], buildings: Sequence[str]
) -> ViewList:
    """List the views of some buildings that have all files.

    Args:
        root: The data folder.
        image: Pattern of the image files.
        labels: Patterns of the files that each view needs besides.
        buildings: Names.
    """
    ids, absent, incomplete = [], [], 0
    for building in sorted(buildings):
        images = _views(root, image, building)
        complete = set(images)
        for label in labels:
            complete &= _views(root, label, building)
        if not images:
            absent.append(building)
        incomplete += len(images) - len(complete)
        ids += sorted(f'{building}/{view}' for view in complete)
    return ViewList(tuple(ids), tuple(absent), incomplete)


def _views(root: Path, pattern: str, building: str) -> set[str]:
    """Return the views of a building that have a file of a pattern."""
    mark = '*'
    folder, name = os.path.split(pattern.format(ViewId(f'{building}/{mark}')))
    before, after = name.split(mark)
    place = root / folder
    return {
        found[len(before) : len(found) - len(after)]
        for found in (os.listdir(place) if place.is_dir() else ())
        if found.startswith(before) and found.endswith(after)
    }


def depth_medians(
    root: Path, depth: str, ids: Sequence[str], count: int = 20
) -> dict[float, float]:
    """Return the median depth of some views under each known scale.

    Args:
        root: The data folder.
        depth: Pattern of the depth files.
        ids: Views to choose from, evenly.
        count: How many to look at.

    Returns:
        Steps per metre to metres.
    """
    step = max(len(ids) // count, 1)
    medians = []
    for sample_id in ids[::step][:count]:
        stored = read_array(root / depth.format(ViewId(sample_id)))
        known = stored[~find_holes(stored)]
        if known.size:
            medians.append(np.median(known))
    middle = float(np.median(medians)) if medians else float('nan')
    return {scale: middle / scale for scale in _DEPTH_SCALES}


def likely_scales(medians: Mapping[float, float]) -> list[float]:
    """Return the scales under which the depth is that of a room.

    Args:
        medians: From :func:`depth_medians`.
    """
    low, high = _INDOOR
    return [scale for scale, metres in medians.items() if low < metres < high]
