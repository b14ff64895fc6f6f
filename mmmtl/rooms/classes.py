"""Names and colours of the things a rendered room contains."""

from __future__ import annotations

# Names follow NYUv2's forty classes, so that figures and legends of rendered
# rooms read like those of the real data set.
CLASSES = (
    'wall',
    'floor',
    'ceiling',
    'cabinet',
    'bed',
    'chair',
    'sofa',
    'table',
    'door',
    'window',
    'bookshelf',
    'picture',
    'lamp',
    'person',
    'otherprop',
)

# One RGB colour per class, in the order of CLASSES.
PALETTE = (
    (174, 199, 232),
    (152, 223, 138),
    (219, 219, 141),
    (31, 119, 180),
    (255, 187, 120),
    (188, 189, 34),
    (140, 86, 75),
    (255, 152, 150),
    (214, 39, 40),
    (197, 176, 213),
    (148, 103, 189),
    (196, 156, 148),
    (247, 182, 20),
    (23, 190, 207),
    (227, 119, 194),
)

# Index = value of the human_parts map; 0 is everything that is no person.
HUMAN_PARTS = (
    'background',
    'head',
    'torso',
    'upper arm',
    'lower arm',
    'upper leg',
    'lower leg',
)

CLASS_ID = {name: index for index, name in enumerate(CLASSES)}

# Change this number whenever the same seed gives other files.
# 2: normals of the NYUD and PASCAL layouts in those archives' frame.
RENDERER_VERSION = 2
