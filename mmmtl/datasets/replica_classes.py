"""The classes of Replica, in the order of their ids.

Stored are 1 for the first and so on; 0 is "undefined". Names and order are
those of Omnidata (EPFL-VILAB/omnidata at f69ff3a, ``omnidata_tools/torch/
dataloader/component_datasets/replica/__init__.py``). Neighbouring ids get
colours that are far apart.
"""

from __future__ import annotations

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
