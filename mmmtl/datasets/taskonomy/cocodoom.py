"""CocoDoom, three recorded plays of a game, in Taskonomy's layout.

``tools/dataset_converters/cocodoom.py`` writes it: the game's levels are the
buildings (``run1_map01``), its tics the points. Depth is the game's, along
the optical axis; a map unit is taken for 1/32 m, so that a player of 56 units
is 1.75 m tall. Normals, reshading, key points and edges are not part of the
download: the script derives them, and says how.

The classes are those of the download's lists: the script writes their names
to ``classes.txt``, one per line, and ``metainfo=dict(classes=...)`` takes
them. Class 0, stored as 1, is all that is no object.
"""

from __future__ import annotations

from collections.abc import Callable

from mmmtl.datasets.label_file import LabelFile
from mmmtl.datasets.taskonomy.base import TaskonomyLayoutDataset, label_table
from mmmtl.datasets.taskonomy.encodings import decode_semantic
from mmmtl.datasets.taskonomy.layout import pattern
from mmmtl.registry import DATASETS


def _semseg(place: Callable[..., str]) -> LabelFile:
    return LabelFile(
        place('segment_semantic', 'segmentsemantic'),
        decode_semantic,
        first_id=1,
    )


@DATASETS.register_module()
class CocoDoomDataset(TaskonomyLayoutDataset):
    """CocoDoom in Taskonomy's layout (see the module)."""

    METAINFO = dict(dataset_name='cocodoom')
    COMPONENT = 'cocodoom'
    #: 64 steps per map unit, 32 map units per metre.
    DEPTH_SCALE = 2048.0
    SEMSEG = staticmethod(_semseg)
    IMAGE = pattern('omnidata', COMPONENT, 'rgb')
    LABEL_FILES = label_table(
        _semseg, component=COMPONENT, depth_scale=DEPTH_SCALE
    )
    HINT = (
        '`python tools/dataset_converters/cocodoom.py DOWNLOAD OUT` makes '
        'the layout from the full archive'
    )
