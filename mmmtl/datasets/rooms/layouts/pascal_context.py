"""PASCAL-Context's folder layout and encodings, for five tasks.

Convention: ``JPEGImages/<id>.jpg``; ``semseg/VOC12/<id>.png`` (ids of even
number, with 255 along the outlines, as in VOC) or
``semseg/pascal-context/<id>.png`` (the others) palette pictures of VOC's
classes; ``human_parts/<id>.mat`` PASCAL-Part's annotation: the objects of
VOC's classes with their masks, people with the masks of their parts;
``normals_distill/<id>.png`` RGB with 2 v / 255 - 1, x left, y up, z towards
the camera as in the archive; ``sal_distill/<id>.png`` 0 or 255;
``pascal-context/trainval/<id>.mat`` ``LabelMap`` with PASCAL-Context's class
ids;
``ImageSets/Context/{train,val}.txt`` one id per line.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from ..render import RoomSample
from .base import Layout
from .mat_file import write_mat
from .nyud import encode_archive_normals
from .pascal_part import annotation
from .pascal_tables import TO_CONTEXT, TO_VOC, voc_palette

_IMAGE = 'JPEGImages/{}.jpg'
_FROM_VOC = 'semseg/VOC12/{}.png'
_FROM_CONTEXT = 'semseg/pascal-context/{}.png'
_PARTS = 'human_parts/{}.mat'
_NORMALS = 'normals_distill/{}.png'
_SALIENCY = 'sal_distill/{}.png'
_CONTEXT = 'pascal-context/trainval/{}.mat'
_SPLITS = ('ImageSets/Context/train.txt', 'ImageSets/Context/val.txt')
_IGNORE = 255
_JPEG_QUALITY = 95


def _sample_id(number: int) -> str:
    return f'2008_{number:06d}'


def _semseg_path(sample_id: str) -> str:
    even = int(sample_id[-1]) % 2 == 0
    return (_FROM_VOC if even else _FROM_CONTEXT).format(sample_id)


def _paths(sample_id: str) -> tuple[str, ...]:
    others = (_IMAGE, _PARTS, _NORMALS, _SALIENCY, _CONTEXT)
    return (
        _semseg_path(sample_id),
        *(path.format(sample_id) for path in others),
    )


def _write_sample(root: Path, sample_id: str, sample: RoomSample) -> None:
    def place(pattern: str) -> Path:
        return root / pattern.format(sample_id)

    image = Image.fromarray(sample.image)
    image.save(place(_IMAGE), quality=_JPEG_QUALITY)
    _write_semseg(root / _semseg_path(sample_id), sample)
    normals = encode_archive_normals(sample.normals)
    Image.fromarray(normals).save(place(_NORMALS))
    Image.fromarray(sample.saliency * np.uint8(255)).save(place(_SALIENCY))
    context = TO_CONTEXT[sample.semseg]
    write_mat(place(_CONTEXT), 'LabelMap', context)
    write_mat(place(_PARTS), 'anno', annotation(sample_id, sample))


def _write_semseg(path: Path, sample: RoomSample) -> None:
    semseg = TO_VOC[sample.semseg]
    if path.parent.name == 'VOC12':
        semseg = np.where(sample.edge & (semseg > 0), _IGNORE, semseg)
    picture = Image.fromarray(semseg.astype(np.uint8))
    picture.putpalette(voc_palette().tobytes())
    path.parent.mkdir(parents=True, exist_ok=True)
    picture.save(path)


def _write_splits(
    root: Path, train: Sequence[str], val: Sequence[str]
) -> None:
    for path, ids in zip(_SPLITS, (train, val), strict=True):
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        text = ''.join(f'{sample_id}\n' for sample_id in ids)
        (root / path).write_text(text, 'utf-8')


PASCAL_CONTEXT = Layout(
    tasks=('semseg', 'human_parts', 'saliency', 'normals', 'edge'),
    max_rooms=999_999,
    sample_id=_sample_id,
    paths=_paths,
    split_paths=_SPLITS,
    write_sample=_write_sample,
    write_splits=_write_splits,
)
