"""Tables of classes against the lists that the archives come with.

The lists in tests/data/class_names are names in the order of their ids, from
1: the 459 of PASCAL-Context and the 894 of NYU Depth v2.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from mmmtl.datasets.nyud.classes import CLASSES as NYUD_CLASSES
from mmmtl.datasets.pascal.classes import (
    CLASSES,
    CONTEXT_IDS,
    NORMALS_CONTEXT_IDS,
    NUM_CONTEXT_CLASSES,
    PART_IDS,
    PERSON,
)
from mmmtl.datasets.taskonomy.classes import REPLICA_CLASSES
from mmmtl.datasets.taskonomy.view_lists import REPLICA_SCENES

NAMES = Path(__file__).parents[1] / 'data/class_names'


def read(name: str) -> list[str]:
    return (NAMES / name).read_text('utf-8').splitlines()


def test_classes_with_normals_are_those_that_nyu_has_too() -> None:
    """Names that both lists have, without "unknown"; and tvmonitor."""
    context, nyu = read('pascal_context.txt'), read('nyu_894.txt')
    assert (len(context), len(nyu)) == (NUM_CONTEXT_CLASSES, 894)
    shared = set(context) & set(nyu) - {'unknown'}
    assert len(shared) == 169
    assert 'tvmonitor' not in shared
    wanted = [
        number
        for number, name in enumerate(context, 1)
        if name in shared or name == 'tvmonitor'
    ]
    assert list(NORMALS_CONTEXT_IDS) == wanted


def test_voc_s_ids_among_those_of_pascal_context() -> None:
    context = read('pascal_context.txt')
    for name, number in list(zip(CLASSES, CONTEXT_IDS, strict=True))[1:]:
        known = {'diningtable': 'table'}.get(name, name)
        assert context[number - 1] == known
    assert (CLASSES[0], CONTEXT_IDS[0]) == ('background', 0)
    assert CLASSES[PERSON] == 'person'
    assert PERSON == 15


def test_six_parts_of_a_person() -> None:
    wanted = dict(
        **dict.fromkeys(('head', 'hair', 'lear', 'rear', 'lebrow'), 1),
        **dict.fromkeys(('rebrow', 'leye', 'reye', 'mouth', 'nose'), 1),
        **dict.fromkeys(('neck', 'torso'), 2),
        **dict.fromkeys(('luarm', 'ruarm'), 3),
        **dict.fromkeys(('llarm', 'rlarm', 'lhand', 'rhand'), 4),
        **dict.fromkeys(('luleg', 'ruleg'), 5),
        **dict.fromkeys(('llleg', 'rlleg', 'lfoot', 'rfoot'), 6),
    )
    assert wanted == PART_IDS


def test_nyud_s_forty_are_names_of_the_894() -> None:
    nyu = read('nyu_894.txt')
    # The official list misspells the twenty-fourth.
    mended = {'refridgerator': 'refrigerator'}
    known = {mended.get(name, name) for name in nyu}
    made = {'otherstructure', 'otherfurniture', 'otherprop'}
    assert set(NYUD_CLASSES) - known == made
    assert NYUD_CLASSES[23] == 'refrigerator'


def test_names_and_scenes_of_replica() -> None:
    """The hash is that of the 101 names of the release, one per line."""
    text = ''.join(f'{name}\n' for name in REPLICA_CLASSES)
    assert hashlib.sha256(text.encode()).hexdigest() == (
        '41b3cba922265ff8cbaaadd75bd9d3ab3ed2868221804ae67f689729286ea9c7'
    )
    rooms = ('room_0', 'room_2', 'hotel_0')
    offices = ('office_1', 'office_3', 'office_4')
    flats = ('frl_apartment_0', 'frl_apartment_1')
    assert {k: set(v) for k, v in REPLICA_SCENES.items()} == {
        'train': {*flats, 'apartment_0', 'apartment_1', *offices, *rooms},
        'val': {
            *('apartment_2', 'office_0', 'frl_apartment_2'),
            'frl_apartment_3',
        },
        'test': {'room_1', 'office_2', 'frl_apartment_4', 'frl_apartment_5'},
    }
