"""Replica, 18 reconstructed scenes, as annotated for Omnidata.

Layout: that of :mod:`mmmtl.datasets.taskonomy` with ``replica`` for
``taskonomy`` and scenes for buildings; class ids are in ``semantic``, RGB:
red is the class (0 undefined, 255 none), green and blue the instance.

Depth: 512 per metre is what the documentation says, and released views need
4096 as well; ``tools/dataset_converters/taskonomy.py`` tells which. Give
``depth_scale`` where it is not 512.
"""

from __future__ import annotations

from collections.abc import Callable

from mmmtl.datasets.label_file import LabelFile
from mmmtl.datasets.replica_classes import CLASSES, PALETTE
from mmmtl.datasets.taskonomy_base import TaskonomyLayoutDataset, label_table
from mmmtl.datasets.taskonomy_encodings import decode_panoptic
from mmmtl.datasets.taskonomy_layout import pattern
from mmmtl.registry import DATASETS


def _semseg(place: Callable[..., str]) -> LabelFile:
    return LabelFile(
        place('semantic'), decode_panoptic, first_id=1, optional=True
    )


@DATASETS.register_module()
class ReplicaDataset(TaskonomyLayoutDataset):
    """Replica in Taskonomy's layout (see the module)."""

    METAINFO = dict(dataset_name='replica', classes=CLASSES, palette=PALETTE)
    COMPONENT = 'replica'
    DEPTH_SCALE = 512.0
    SEMSEG = staticmethod(_semseg)
    IMAGE = pattern('omnidata', COMPONENT, 'rgb')
    LABEL_FILES = label_table(_semseg, component=COMPONENT)
    HINT = (
        'the layout is <domain>/replica/<scene>/'
        'point_P_view_V_domain_<domain>.png (or give layout=...), and '
        'splits/<split>.txt, which '
        '`python tools/dataset_converters/taskonomy.py --dataset replica` '
        'makes'
    )
