"""Rendered rooms with the labels of all nine tasks, for ``FolderDataset``.

``configs/_base_/datasets/rooms-all.py`` says how to read it: a folder per
task, depth in millimetres, shares of 1 in 16 bits.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from mmmtl.datasets.stored_normals import bytes_of_vectors
from mmmtl.io.id_lists import write_ids
from mmmtl.rooms.produce import RoomLayout
from mmmtl.rooms.render import RoomSample

_TASKS = (
    'semseg',
    'depth',
    'normals',
    'edge',
    'saliency',
    'human_parts',
    'reshading',
    'keypoints2d',
    'edges2d',
)
_SPLITS = ('train.txt', 'val.txt')


def _sample_id(number: int) -> str:
    return f'{number:06d}'


def _paths(sample_id: str) -> tuple[str, ...]:
    return tuple(f'{name}/{sample_id}.png' for name in ('image', *_TASKS))


def _write_sample(root: Path, sample_id: str, sample: RoomSample) -> None:
    for name in ('image', *_TASKS):
        stored = _stored(name, getattr(sample, name))
        Image.fromarray(stored).save(root / name / f'{sample_id}.png')


def _stored(name: str, values: np.ndarray) -> np.ndarray:
    if name == 'normals':
        return bytes_of_vectors(values)
    if name == 'depth':
        return np.round(values * 1000).astype(np.uint16)
    if values.dtype == np.float32:
        return np.round(values * 65535).astype(np.uint16)
    return values


def _write_splits(
    root: Path, train: Sequence[str], val: Sequence[str]
) -> None:
    for path, ids in zip(_SPLITS, (train, val), strict=True):
        write_ids(root / path, ids)


ALL_TASKS = RoomLayout(
    name='all_tasks',
    tasks=_TASKS,
    max_rooms=999_999,
    sample_id=_sample_id,
    paths=_paths,
    split_paths=_SPLITS,
    write_sample=_write_sample,
    write_splits=_write_splits,
)
