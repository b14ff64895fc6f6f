"""What PASCAL-Part would say about a room."""

from __future__ import annotations

import numpy as np

from ..classes import CLASSES, HUMAN_PARTS
from ..render import RoomSample
from .mat_file import structs
from .pascal_tables import TO_VOC, VOC

# PASCAL-Part tells left from right; which side a limb is on does not matter
# to any label here.
_PART_NAMES = dict(
    zip(
        HUMAN_PARTS[1:],
        ('head', 'torso', 'luarm', 'llarm', 'luleg', 'llleg'),
        strict=True,
    )
)


def annotation(sample_id: str, sample: RoomSample) -> dict:
    """PASCAL-Part's ``anno``: objects of VOC's classes, people with parts.

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
