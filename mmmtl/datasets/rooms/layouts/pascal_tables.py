"""What the classes of the rooms are called in PASCAL's data sets."""

from __future__ import annotations

import numpy as np

from ..classes import CLASS_ID

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


def _lookup(values: dict[str, int], dtype: type) -> np.ndarray:
    table = np.zeros(len(CLASS_ID), dtype)
    for name, value in values.items():
        table[CLASS_ID[name]] = value
    return table


#: From the rooms' classes to PASCAL-Context's, and to VOC's.
TO_CONTEXT = _lookup(CONTEXT_ID, np.uint16)
TO_VOC = _lookup({name: pair[0] for name, pair in VOC.items()}, np.uint8)


def voc_palette() -> np.ndarray:
    """VOC's 256 colours, (256, 3) uint8: an id's bits, dealt to R, G, B."""
    ids = np.arange(256)[:, None, None]
    place, channel = np.arange(8)[:, None], np.arange(3)
    bits = (ids >> (3 * place + channel)) & 1  # (256, 8, 3)
    return (bits << (7 - place)).sum(1).astype(np.uint8)
