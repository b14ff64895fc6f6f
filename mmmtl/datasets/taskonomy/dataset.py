"""Taskonomy: half a thousand scanned buildings, millions of views.

Layout (what the official download tool makes; ``layout`` names others, see
:mod:`mmmtl.datasets.taskonomy.layout`)::

    <domain>/taskonomy/<building>/point_P_view_V_domain_<domain>.png
    splits/train.txt, ...   one <building>/point_P_view_V per line

Domains: ``rgb``; ``segment_semantic`` (``segmentsemantic`` in file names),
8 bits, 0 uncertain, 1 background, 2..17 objects; ``depth_zbuffer``, 16 bits,
512 per metre, 65535 a hole; ``normal``, RGB, 2 v / 255 - 1, (128, 128, 128)
a hole; ``reshading``, grey; ``keypoints2d`` and ``edge_texture``, 16 bits.
``tools/dataset_converters/taskonomy.py`` makes the lists from the published
tables of buildings.
"""

from __future__ import annotations

from collections.abc import Callable

from mmmtl.datasets.label_file import LabelFile
from mmmtl.datasets.taskonomy.base import TaskonomyLayoutDataset, label_table
from mmmtl.datasets.taskonomy.encodings import decode_semantic
from mmmtl.datasets.taskonomy.layout import pattern
from mmmtl.registry import DATASETS

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


def _semseg(place: Callable[..., str]) -> LabelFile:
    return LabelFile(
        place('segment_semantic', 'segmentsemantic'),
        decode_semantic,
        first_id=1,
        fallback=place('segment_semantic'),
        optional=True,
    )


@DATASETS.register_module()
class TaskonomyDataset(TaskonomyLayoutDataset):
    """Taskonomy, or any folder in its layout (see the module).

    For other classes give ``metainfo=dict(classes=..., palette=...)``; they
    are stored as 1, 2, ... with 0 for unlabelled.
    """

    METAINFO = dict(dataset_name='taskonomy', classes=CLASSES, palette=PALETTE)
    COMPONENT = 'taskonomy'
    DEPTH_SCALE = 512.0
    SEMSEG = staticmethod(_semseg)
    IMAGE = pattern('omnidata', COMPONENT, 'rgb')
    LABEL_FILES = label_table(_semseg, component=COMPONENT)
    HINT = (
        'the layout is <domain>/taskonomy/<building>/'
        'point_P_view_V_domain_<domain>.png (or give layout=...), and '
        'splits/<split>.txt, which '
        '`python tools/dataset_converters/taskonomy.py` makes; '
        '`python tools/dataset_converters/rooms.py OUT --layout taskonomy` '
        'writes a rendered one'
    )
