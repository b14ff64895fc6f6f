"""Taskonomy: half a thousand scanned buildings, millions of views.

Layout (what the official download tool makes; ``layout`` names others, see
:mod:`mmmtl.datasets.taskonomy_layout`)::

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
from mmmtl.datasets.taskonomy_base import TaskonomyLayoutDataset, label_table
from mmmtl.datasets.taskonomy_classes import CLASSES, PALETTE
from mmmtl.datasets.taskonomy_encodings import decode_semantic
from mmmtl.datasets.taskonomy_layout import pattern
from mmmtl.registry import DATASETS


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
