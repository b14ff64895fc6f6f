"""The 17 classes of Taskonomy's pseudo labels, in the order of their ids.

Stored are 1 for the background and so on; 0 is "uncertain".
"""

from __future__ import annotations

_TABLE = (
    ('background', 70, 70, 70),
    ('bottle', 23, 190, 207),
    ('chair', 188, 189, 34),
    ('couch', 140, 86, 75),
    ('potted plant', 92, 193, 61),
    ('bed', 255, 187, 120),
    ('dining table', 255, 152, 150),
    ('toilet', 44, 160, 44),
    ('tv', 91, 163, 138),
    ('microwave', 31, 119, 180),
    ('oven', 214, 39, 40),
    ('toaster', 148, 103, 189),
    ('sink', 112, 128, 144),
    ('refrigerator', 255, 127, 14),
    ('book', 172, 114, 82),
    ('clock', 227, 119, 194),
    ('vase', 140, 57, 197),
)

CLASSES = tuple(name for name, *_ in _TABLE)
PALETTE = tuple(tuple(colour) for _, *colour in _TABLE)
