"""NYUDv2's folder layout and encodings.

Convention: ``images/<id>.png`` RGB; ``segmentation/<id>.png`` class id + 1 (0
is unlabelled, which no rendered pixel is); ``normals/<id>.png`` RGB with
2 v / 255 - 1, x left, y up, z towards the camera as in the archive;
``depth/<id>.npy`` float32 metres; ``edge/<id>.png`` 0 or 255;
``gt_sets/{train,val}.txt`` one four-digit id per line.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from mmmtl.rooms.layout import Layout
from mmmtl.rooms.render import RoomSample

_FILES = {
    'image': 'images/{}.png',
    'semseg': 'segmentation/{}.png',
    'normals': 'normals/{}.png',
    'depth': 'depth/{}.npy',
    'edge': 'edge/{}.png',
}
_SPLITS = ('gt_sets/train.txt', 'gt_sets/val.txt')


def encode_normals(normals: np.ndarray) -> np.ndarray:
    """From unit vectors to bytes: v = round((n + 1) / 2 * 255)."""
    return np.round((normals + 1.0) * 127.5).astype(np.uint8)


def encode_archive_normals(normals: np.ndarray) -> np.ndarray:
    """The same in the frame of the archives of NYUD and PASCAL.

    It is x left, y up, z towards the camera: the negation of ours.
    """
    return encode_normals(-normals)


def _sample_id(number: int) -> str:
    return f'{number:04d}'


def _paths(sample_id: str) -> tuple[str, ...]:
    return tuple(path.format(sample_id) for path in _FILES.values())


def _write_sample(root: Path, sample_id: str, sample: RoomSample) -> None:
    pictures = {
        'image': sample.image,
        'semseg': sample.semseg + np.uint8(1),
        'normals': encode_archive_normals(sample.normals),
        'edge': sample.edge * np.uint8(255),
    }
    for name, picture in pictures.items():
        path = root / _FILES[name].format(sample_id)
        Image.fromarray(picture).save(path)
    depth_path = root / _FILES['depth'].format(sample_id)
    np.save(depth_path, sample.depth.astype(np.float32))


def _write_splits(
    root: Path, train: Sequence[str], val: Sequence[str]
) -> None:
    for path, ids in zip(_SPLITS, (train, val), strict=True):
        (root / path).parent.mkdir(exist_ok=True)
        text = ''.join(f'{sample_id}\n' for sample_id in ids)
        (root / path).write_text(text, 'utf-8')


NYUD = Layout(
    name='nyud',
    tasks=('semseg', 'depth', 'normals', 'edge'),
    max_rooms=9999,
    sample_id=_sample_id,
    paths=_paths,
    split_paths=_SPLITS,
    write_sample=_write_sample,
    write_splits=_write_splits,
)
