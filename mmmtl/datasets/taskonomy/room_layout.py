"""Taskonomy's file names and encodings, in the folders of its Omnidata form.

Convention: ``<domain>/taskonomy/<building>/point_0_view_0_domain_<name>.png``,
one building per room, for every room is another place. ``rgb`` RGB;
``segment_semantic`` class id + 1 (0 is "uncertain", which no rendered pixel
is); ``depth_zbuffer`` 16 bits, 512 per metre, 65535 a hole; ``normal`` RGB
with 2 v / 255 - 1, x right, y down, z forward; ``reshading`` three equal
channels; ``keypoints2d`` and ``edge_texture`` 16 bits, of which Taskonomy
uses the lowest 0.5 and 8 %: that is where 1 lies here.
``splits/train_val_test_rooms.csv`` has a row per building as the published
lists have, ``splits/{train,val}.txt`` one view per line.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from mmmtl.datasets.nyud.room_layout import encode_normals
from mmmtl.rooms.layout import Layout
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
_FULL = 65535
_KEYPOINTS_FULL = 0.005
_EDGES_FULL = 0.08


def _sample_id(number: int) -> str:
    return f'room{number:04d}/point_0_view_0'


def _path(domain: str, sample_id: str) -> str:
    name = _DOMAINS[domain]
    return f'{domain}/taskonomy/{sample_id}_domain_{name}.png'


def _paths(sample_id: str) -> tuple[str, ...]:
    return tuple(_path(domain, sample_id) for domain in _DOMAINS)


def encode_depth(metres: np.ndarray) -> np.ndarray:
    """From metres to 16 bits; a depth the format cannot hold is a hole."""
    steps = np.round(metres * _STEPS_PER_METRE)
    return np.where(steps < _FULL, steps, _FULL).astype(np.uint16)


def encode_heat_map(values: np.ndarray, full: float) -> np.ndarray:
    """From 0..1 to the share ``full`` of 16 bits."""
    return np.round(values * (full * _FULL)).astype(np.uint16)


def _write_sample(root: Path, sample_id: str, sample: RoomSample) -> None:
    grey = np.round(sample.reshading * 255).astype(np.uint8)
    pictures = {
        'rgb': sample.image,
        'segment_semantic': sample.semseg + np.uint8(1),
        'depth_zbuffer': encode_depth(sample.depth),
        'normal': encode_normals(sample.normals),
        'reshading': np.stack([grey] * 3, axis=-1),
        'keypoints2d': encode_heat_map(sample.keypoints2d, _KEYPOINTS_FULL),
        'edge_texture': encode_heat_map(sample.edges2d, _EDGES_FULL),
    }
    for domain, picture in pictures.items():
        path = root / _path(domain, sample_id)
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture).save(path)


def _write_splits(
    root: Path, train: Sequence[str], val: Sequence[str]
) -> None:
    (root / _CSV).parent.mkdir(exist_ok=True)
    rows = ['id,train,val,test']
    for path, ids, flags in zip(
        _SPLITS, (train, val), ('1,0,0', '0,1,0'), strict=True
    ):
        text = ''.join(f'{sample_id}\n' for sample_id in ids)
        (root / path).write_text(text, 'utf-8')
        rows += [f'{sample_id.split("/")[0]},{flags}' for sample_id in ids]
    (root / _CSV).write_text('\n'.join(rows) + '\n', 'utf-8')


TASKONOMY = Layout(
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
