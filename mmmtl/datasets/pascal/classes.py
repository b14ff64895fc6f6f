"""Classes of PASCAL VOC and PASCAL-Context, and PASCAL-Part's names."""

from __future__ import annotations

# Name, VOC's colour, and id among the 459 classes of PASCAL-Context. There,
# dining tables are tables and everything else is background.
_VOC = (
    ('background', (0, 0, 0), 0),
    ('aeroplane', (128, 0, 0), 2),
    ('bicycle', (0, 128, 0), 23),
    ('bird', (128, 128, 0), 25),
    ('boat', (0, 0, 128), 31),
    ('bottle', (128, 0, 128), 34),
    ('bus', (0, 128, 128), 45),
    ('car', (128, 128, 128), 59),
    ('cat', (64, 0, 0), 65),
    ('chair', (192, 0, 0), 72),
    ('cow', (64, 128, 0), 98),
    ('diningtable', (192, 128, 0), 397),
    ('dog', (64, 0, 128), 113),
    ('horse', (192, 0, 128), 207),
    ('motorbike', (64, 128, 128), 258),
    ('person', (192, 128, 128), 284),
    ('pottedplant', (0, 64, 0), 308),
    ('sheep', (128, 64, 0), 347),
    ('sofa', (0, 192, 0), 368),
    ('train', (128, 192, 0), 416),
    ('tvmonitor', (0, 64, 128), 427),
)
CLASSES = tuple(name for name, _, _ in _VOC)
PALETTE = tuple(colour for _, colour, _ in _VOC)
#: PASCAL-Context's id of each VOC class, in the order of CLASSES.
CONTEXT_IDS = tuple(context for _, _, context in _VOC)
NUM_CONTEXT_CLASSES = 459
PERSON = CLASSES.index('person')

#: Index = value of the human parts map.
HUMAN_PARTS_CLASSES = (
    'background',
    'head',
    'torso',
    'upper arm',
    'lower arm',
    'upper leg',
    'lower leg',
)
HUMAN_PARTS_PALETTE = (
    (0, 0, 0),
    (128, 0, 0),
    (0, 128, 0),
    (128, 128, 0),
    (0, 0, 128),
    (128, 0, 128),
    (0, 128, 128),
)

# PASCAL-Part names 24 parts of a person; the benchmark has six.
_PARTS = (
    'head hair lear rear lebrow rebrow leye reye mouth nose',
    'neck torso',
    'luarm ruarm',
    'llarm rlarm lhand rhand',
    'luleg ruleg',
    'llleg rlleg lfoot rfoot',
)
#: From PASCAL-Part's name of a part to the value of the human parts map.
PART_IDS = {
    name: number
    for number, names in enumerate(_PARTS, 1)
    for name in names.split()
}

#: PASCAL-Context classes whose normals count. The normals were distilled from
#: a network trained on NYU Depth v2, so only the 169 classes that have their
#: name among its 894 are trusted ('unknown' left out), and tvmonitor. Ids are
#: places in PASCAL-Context's alphabetical list of names. They are those of
#: the released code (brdav/atrc at 76d8055, src/data/pascal_context.py).
# fmt: off
NORMALS_CONTEXT_IDS = (
    3, 4, 6, 9, 10, 11, 13, 15, 17, 18, 22, 23, 29, 30, 33, 34, 36, 37, 38, 39,
    41, 43, 46, 49, 50, 51, 53, 55, 56, 59, 61, 62, 65, 66, 68, 69, 72, 73, 78,
    83, 84, 85, 87, 88, 95, 96, 101, 104, 105, 107, 111, 113, 115, 122, 124,
    135, 141, 142, 143, 146, 150, 154, 157, 158, 159, 165, 172, 174, 181, 183,
    184, 191, 193, 195, 197, 199, 202, 213, 215, 216, 219, 220, 223, 225, 228,
    230, 232, 233, 238, 239, 242, 243, 246, 250, 251, 252, 255, 260, 261, 263,
    269, 272, 273, 275, 281, 283, 284, 285, 286, 287, 288, 290, 291, 292, 293,
    295, 304, 307, 309, 310, 314, 315, 319, 323, 329, 330, 331, 336, 342, 345,
    349, 350, 351, 352, 355, 357, 368, 370, 371, 374, 379, 380, 383, 384, 397,
    401, 403, 405, 407, 408, 411, 412, 413, 414, 417, 419, 421, 423, 427, 429,
    430, 432, 440, 441, 442, 443, 444, 446, 454, 457,
)
# fmt: on
