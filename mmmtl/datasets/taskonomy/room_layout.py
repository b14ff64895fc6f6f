"""Rendered rooms as views of Taskonomy (``encodings.py``), in ``omnidata``.

Convention: ``<domain>/taskonomy/<building>/point_0_view_0_domain_<name>.png``,
one building per room, for every room is another place. Stored class ids are
the rooms' plus 1: 0 is "uncertain", which no rendered pixel is. Of the 16
bits of key points and edges Taskonomy uses the lowest 0.5 and 8 %: that is
where 1 lies here. ``splits/train_val_test_rooms.csv`` has a row per building
as the published lists have, ``splits/{train,val}.txt`` one view per line.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from mmmtl.datasets.stored_normals import bytes_of_vectors
from mmmtl.datasets.taskonomy.encodings import (
    HEAT_MAP_SCALES,
    encode_depth,
    encode_heat_map,
)
from mmmtl.io.id_lists import write_ids
from mmmtl.rooms.produce import RoomLayout
from mmmtl.rooms.render import RoomSample

#: Domain (folder) and its name in file names.
_DOMAINS = {
    'rgb': 'rgb',
    'segment_semantic': 'segmentsemantic',
    'depth_zbuffer': 'depth_zbuffer',
    'normal': 'normal',
    'reshading': 'reshading',
    'keypoints2d': 'keypoints2d',
    'edge_texture': 'edge_texture',
}
_CSV = 'splits/train_val_test_rooms.csv'
_SPLITS = ('splits/train.txt', 'splits/val.txt')
_STEPS_PER_METRE = 512
_FULL = HEAT_MAP_SCALES['taskonomy']


def _sample_id(number: int) -> str:
    return f'room{number:04d}/point_0_view_0'


def _path(domain: str, sample_id: str) -> str:
    name = _DOMAINS[domain]
    return f'{domain}/taskonomy/{sample_id}_domain_{name}.png'


def _paths(sample_id: str) -> tuple[str, ...]:
    return tuple(_path(domain, sample_id) for domain in _DOMAINS)


def _write_sample(root: Path, sample_id: str, sample: RoomSample) -> None:
    grey = np.round(sample.reshading * 255).astype(np.uint8)
    pictures = {
        'rgb': sample.image,
        'segment_semantic': sample.semseg + np.uint8(1),
        'depth_zbuffer': encode_depth(sample.depth, _STEPS_PER_METRE),
        'normal': bytes_of_vectors(sample.normals),
        'reshading': np.stack([grey] * 3, axis=-1),
        'keypoints2d': encode_heat_map(
            sample.keypoints2d, _FULL['keypoints2d']
        ),
        'edge_texture': encode_heat_map(sample.edges2d, _FULL['edges2d']),
    }
    for domain, picture in pictures.items():
        path = root / _path(domain, sample_id)
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture).save(path)


def _write_splits(
    root: Path, train: Sequence[str], val: Sequence[str]
) -> None:
    rows = ['id,train,val,test']
    for path, ids, flags in zip(
        _SPLITS, (train, val), ('1,0,0', '0,1,0'), strict=True
    ):
        write_ids(root / path, ids)
        rows += [f'{sample_id.split("/")[0]},{flags}' for sample_id in ids]
    (root / _CSV).write_text('\n'.join(rows) + '\n', 'utf-8')


TASKONOMY = RoomLayout(
    name='taskonomy',
    tasks=(
        'semseg',
        'depth',
        'normals',
        'reshading',
        'keypoints2d',
        'edges2d',
    ),
    max_rooms=9999,
    sample_id=_sample_id,
    paths=_paths,
    split_paths=(_CSV, *_SPLITS),
    write_sample=_write_sample,
    write_splits=_write_splits,
)
