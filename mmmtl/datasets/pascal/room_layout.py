"""Rendered rooms as PASCAL-Context with five tasks (``encodings.py``).

Class maps of rooms with an even number lie in ``semseg/VOC12``, with 255
along the outlines, as in VOC; the others in ``semseg/pascal-context``. In
``human_parts`` are the objects of VOC's classes with their masks, people with
the masks of their parts.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from mmmtl.datasets.pascal import encodings
from mmmtl.datasets.stored_normals import bytes_of_vectors, swap_frame
from mmmtl.io.arrays import structs, write_mat
from mmmtl.io.id_lists import write_ids
from mmmtl.rooms.classes import CLASSES, HUMAN_PARTS
from mmmtl.rooms.produce import RoomLayout
from mmmtl.rooms.render import RoomSample

# PASCAL-Context's id of every class of the rooms.
CONTEXT_ID = {
    'wall': 440,
    'floor': 158,
    'ceiling': 68,
    'cabinet': 46,
    'bed': 18,
    'chair': 72,
    'sofa': 368,
    'table': 397,
    'door': 115,
    'window': 454,
    'bookshelf': 349,  # shelves
    'picture': 287,
    'lamp': 232,  # light
    'person': 284,
    'otherprop': 431,  # unknown
}
# VOC's id and name of the room classes that VOC has.
VOC = {
    'chair': (9, 'chair'),
    'table': (11, 'table'),
    'person': (15, 'person'),
    'sofa': (18, 'sofa'),
}


#: From the rooms' classes to PASCAL-Context's, and to VOC's.
TO_CONTEXT = np.array([CONTEXT_ID[name] for name in CLASSES], np.uint16)
TO_VOC = np.array([VOC.get(name, (0,))[0] for name in CLASSES], np.uint8)

# PASCAL-Part tells left from right; which side a limb is on does not matter
# to any label here.
_PART_NAMES = dict(
    zip(
        HUMAN_PARTS[1:],
        ('head', 'torso', 'luarm', 'llarm', 'luleg', 'llleg'),
        strict=True,
    )
)

_SPLITS = tuple(encodings.SPLIT.format(split) for split in ('train', 'val'))
_IGNORE = 255
_JPEG_QUALITY = 95


def voc_palette() -> np.ndarray:
    """Return VOC's 256 colours, (256, 3) uint8.

    Of an id's bits, taken from the lowest, every third belongs to red, green
    and blue in turn; the lowest is worth most.
    """
    ids = np.arange(256)[:, None, None]
    place, channel = np.arange(8)[:, None], np.arange(3)
    bits = (ids >> (3 * place + channel)) & 1  # (256, 8, 3)
    return (bits << (7 - place)).sum(1).astype(np.uint8)


def annotation(sample_id: str, sample: RoomSample) -> dict:
    """Return PASCAL-Part's ``anno``.

    Args:
        sample_id: Name of the picture.
        sample: The room.
    """
    things = []
    for instance in np.unique(sample.instance[TO_VOC[sample.semseg] > 0]):
        mask = sample.instance == instance
        name = CLASSES[sample.semseg[mask][0]]
        class_ind, voc_name = VOC[name]
        parts = _part_masks(sample, mask) if name == 'person' else []
        things.append(
            {
                'class': voc_name,
                'class_ind': float(class_ind),
                'mask': mask.astype(np.uint8),
                'parts': structs(parts, ('part_name', 'mask')),
            }
        )
    fields = ('class', 'class_ind', 'mask', 'parts')
    return {'imname': sample_id, 'objects': structs(things, fields)}


def _part_masks(sample: RoomSample, mask: np.ndarray) -> list[dict]:
    parts = np.where(mask, sample.human_parts, 0)
    return [
        {
            'part_name': _PART_NAMES[HUMAN_PARTS[number]],
            'mask': (parts == number).astype(np.uint8),
        }
        for number in np.unique(parts[parts > 0])
    ]


def _sample_id(number: int) -> str:
    return f'2008_{number:06d}'


def _semseg_path(sample_id: str) -> str:
    even = int(sample_id[-1]) % 2 == 0
    pattern = encodings.SEMSEG_OF_VOC if even else encodings.SEMSEG_OF_CONTEXT
    return pattern.format(sample_id)


def _paths(sample_id: str) -> tuple[str, ...]:
    others = (
        encodings.IMAGE,
        encodings.PARTS,
        encodings.NORMALS,
        encodings.SALIENCY,
        encodings.LABEL_MAP,
    )
    return (
        _semseg_path(sample_id),
        *(path.format(sample_id) for path in others),
    )


def _write_sample(root: Path, sample_id: str, sample: RoomSample) -> None:
    def place(pattern: str) -> Path:
        return root / pattern.format(sample_id)

    image = Image.fromarray(sample.image)
    image.save(place(encodings.IMAGE), quality=_JPEG_QUALITY)
    _write_semseg(root / _semseg_path(sample_id), sample)
    normals = bytes_of_vectors(swap_frame(sample.normals))
    Image.fromarray(normals).save(place(encodings.NORMALS))
    saliency = sample.saliency * np.uint8(255)
    Image.fromarray(saliency).save(place(encodings.SALIENCY))
    context = TO_CONTEXT[sample.semseg]
    write_mat(place(encodings.LABEL_MAP), 'LabelMap', context)
    write_mat(place(encodings.PARTS), 'anno', annotation(sample_id, sample))


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
        write_ids(root / path, ids)


PASCAL_CONTEXT = RoomLayout(
    name='pascal_context',
    tasks=('semseg', 'human_parts', 'saliency', 'normals', 'edge'),
    max_rooms=999_999,
    sample_id=_sample_id,
    paths=_paths,
    split_paths=_SPLITS,
    write_sample=_write_sample,
    write_splits=_write_splits,
)
