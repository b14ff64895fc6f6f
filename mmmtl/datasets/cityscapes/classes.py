"""Cityscapes' classes: the 19 that are evaluated, and the 7 groups of them.

The 7 are the groups in which small multi-task experiments on Cityscapes are
run; they take in ids that are not among the 19 (parking, guard rail, ...).
"""

from __future__ import annotations

import numpy as np

_IGNORE = 255

# Stored id, name, colour.
_TABLE = (
    (7, 'road', 128, 64, 128),
    (8, 'sidewalk', 244, 35, 232),
    (11, 'building', 70, 70, 70),
    (12, 'wall', 102, 102, 156),
    (13, 'fence', 190, 153, 153),
    (17, 'pole', 153, 153, 153),
    (19, 'traffic light', 250, 170, 30),
    (20, 'traffic sign', 220, 220, 0),
    (21, 'vegetation', 107, 142, 35),
    (22, 'terrain', 152, 251, 152),
    (23, 'sky', 70, 130, 180),
    (24, 'person', 220, 20, 60),
    (25, 'rider', 255, 0, 0),
    (26, 'car', 0, 0, 142),
    (27, 'truck', 0, 0, 70),
    (28, 'bus', 0, 60, 100),
    (31, 'train', 0, 80, 100),
    (32, 'motorcycle', 0, 0, 230),
    (33, 'bicycle', 119, 11, 32),
)
# First and last stored id, name, colour.
_GROUPS = (
    (7, 10, 'flat', 128, 64, 128),
    (11, 16, 'construction', 70, 70, 70),
    (17, 20, 'object', 220, 220, 0),
    (21, 22, 'nature', 107, 142, 35),
    (23, 23, 'sky', 70, 130, 180),
    (24, 25, 'human', 220, 20, 60),
    (26, 33, 'vehicle', 0, 0, 142),
)
#: Largest stored id; the licence plate, -1, is stored as 255.
LAST_ID = 33

CLASSES = tuple(name for _, name, *_ in _TABLE)
PALETTE = tuple(tuple(colour) for _, _, *colour in _TABLE)
GROUPS = tuple(name for _, _, name, *_ in _GROUPS)
GROUP_PALETTE = tuple(tuple(colour) for _, _, _, *colour in _GROUPS)


def class_of_id() -> np.ndarray:
    """Return the class 0..18 of every stored id, 255 without, (256,)."""
    table = np.full(256, _IGNORE, np.uint8)
    for index, (stored, *_) in enumerate(_TABLE):
        table[stored] = index
    return table


def group_of_id() -> np.ndarray:
    """Return the group 0..6 of every stored id, 255 without, (256,)."""
    table = np.full(256, _IGNORE, np.uint8)
    for index, (first, last, *_) in enumerate(_GROUPS):
        table[first : last + 1] = index
    return table
