"""Replica, 18 reconstructed scenes, as annotated for Omnidata.

Layout: that of :mod:`mmmtl.datasets.taskonomy.dataset` with ``replica`` for
``taskonomy`` and scenes for buildings; class ids are in ``semantic``, RGB:
red is the class (0 undefined, 255 none), green and blue the instance.

Depth: 512 per metre is what the documentation says, and released views need
4096 as well; ``tools/dataset_converters/taskonomy.py`` tells which. Give
``depth_scale`` where it is not 512.

The classes of Replica, in the order of their ids.

Stored are 1 for the first and so on; 0 is "undefined". Names and order are
those of Omnidata (EPFL-VILAB/omnidata at f69ff3a, ``omnidata_tools/torch/
dataloader/component_datasets/replica/__init__.py``). Neighbouring ids get
colours that are far apart.
"""

from __future__ import annotations

from collections.abc import Callable

from mmmtl.datasets.label_file import LabelFile
from mmmtl.datasets.taskonomy.base import TaskonomyLayoutDataset, label_table
from mmmtl.datasets.taskonomy.encodings import decode_panoptic
from mmmtl.datasets.taskonomy.layout import pattern
from mmmtl.registry import DATASETS
from mmmtl.visualization.palettes import default_palette

CLASSES = (
    *('backpack', 'base-cabinet', 'basket', 'bathtub', 'beam', 'beanbag'),
    *('bed', 'bench', 'bike', 'bin', 'blanket', 'blinds', 'book', 'bottle'),
    *('box', 'bowl', 'camera', 'cabinet', 'candle', 'chair'),
    *('chopping-board', 'clock', 'cloth', 'clothing', 'coaster'),
    *('comforter', 'computer-keyboard', 'cup', 'cushion', 'curtain'),
    *('ceiling', 'cooktop', 'countertop', 'desk', 'desk-organizer'),
    *('desktop-computer', 'door', 'exercise-ball', 'faucet', 'floor'),
    *('handbag', 'hair-dryer', 'handrail', 'indoor-plant', 'knife-block'),
    *('kitchen-utensil', 'lamp', 'laptop', 'major-appliance', 'mat'),
    *('microwave', 'monitor', 'mouse', 'nightstand', 'pan', 'panel'),
    *('paper-towel', 'phone', 'picture', 'pillar', 'pillow', 'pipe'),
    *('plant-stand', 'plate', 'pot', 'rack', 'refrigerator'),
    *('remote-control', 'scarf', 'sculpture', 'shelf', 'shoe'),
    *('shower-stall', 'sink', 'small-appliance', 'sofa', 'stair', 'stool'),
    *('switch', 'table', 'table-runner', 'tablet', 'tissue-paper', 'toilet'),
    *('toothbrush', 'towel', 'tv-screen', 'tv-stand', 'umbrella'),
    *('utensil-holder', 'vase', 'vent', 'wall', 'wall-cabinet', 'wall-plug'),
    *('wardrobe', 'window', 'rug', 'logo', 'bag', 'set-of-clothing'),
)
PALETTE = tuple(tuple(map(int, c)) for c in default_palette(len(CLASSES)))


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
