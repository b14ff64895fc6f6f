"""The classes of Taskonomy and of Replica, in the order of their ids.

Replica's names and order are those of Omnidata (EPFL-VILAB/omnidata at
f69ff3a, ``omnidata_tools/torch/dataloader/component_datasets/replica/
__init__.py``). Neighbouring ids get colours that are far apart.
"""

from __future__ import annotations

from mmmtl.palettes import default_palette

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

REPLICA_CLASSES = (
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
REPLICA_PALETTE = tuple(
    tuple(map(int, colour)) for colour in default_palette(len(REPLICA_CLASSES))
)
