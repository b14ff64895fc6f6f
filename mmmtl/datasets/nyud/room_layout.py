"""Rendered rooms in pictures as NYUDv2 has them (``encodings.py``).

Stored class ids are the rooms' plus 1: 0 is unlabelled, which no rendered
pixel is.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mmmtl.datasets.nyud.encodings import ViewMaps, write_pictures
from mmmtl.io.id_lists import write_ids
from mmmtl.rooms.produce import RoomLayout
from mmmtl.rooms.render import RoomSample

_PICTURES = ('images', 'segmentation', 'normals', 'edge')
_SPLITS = ('gt_sets/train.txt', 'gt_sets/val.txt')


def _sample_id(number: int) -> str:
    return f'{number:04d}'


def _paths(sample_id: str) -> tuple[str, ...]:
    pictures = (f'{folder}/{sample_id}.png' for folder in _PICTURES)
    return (*pictures, f'depth/{sample_id}.npy')


def _write_sample(root: Path, sample_id: str, sample: RoomSample) -> None:
    maps = ViewMaps(
        image=sample.image,
        segmentation=sample.semseg + np.uint8(1),
        depth=sample.depth,
        normals=sample.normals,
        edge=sample.edge,
    )
    write_pictures(root, sample_id, maps)


def _write_splits(
    root: Path, train: Sequence[str], val: Sequence[str]
) -> None:
    for path, ids in zip(_SPLITS, (train, val), strict=True):
        write_ids(root / path, ids)


NYUD = RoomLayout(
    name='nyud',
    tasks=('semseg', 'depth', 'normals', 'edge'),
    max_rooms=9999,
    sample_id=_sample_id,
    paths=_paths,
    split_paths=_SPLITS,
    write_sample=_write_sample,
    write_splits=_write_splits,
)
