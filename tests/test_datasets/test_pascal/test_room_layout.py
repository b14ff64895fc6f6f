"""Rooms in PASCAL-Context's layout, and the real loader reading them back."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from mmmtl.datasets import PascalContextMTDataset
from mmmtl.datasets.pascal.classes import (
    CLASSES,
    CONTEXT_IDS,
    HUMAN_PARTS_CLASSES,
)
from mmmtl.datasets.pascal.room_layout import CONTEXT_ID
from mmmtl.datasets.room_layouts import order_rooms
from mmmtl.rooms import render_room
from mmmtl.rooms.classes import CLASS_ID, HUMAN_PARTS
from mmmtl.rooms.produce import produce
from mmmtl.rooms.render import RoomSample

SIZE = (48, 64)
TASKS = ('semseg', 'human_parts', 'saliency', 'normals', 'edge')
ORDER = order_rooms(
    layout='pascal_context',
    num_train=10,
    num_val=4,
    height=SIZE[0],
    width=SIZE[1],
    seed=0,
)
# What a room calls a thing, and what VOC does.
SHARED = {
    'chair': 'chair',
    'table': 'diningtable',
    'person': 'person',
    'sofa': 'sofa',
}


@pytest.fixture(scope='module')
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp('data') / 'rooms'
    produce(ORDER, folder)
    return folder


@pytest.fixture(scope='module')
def samples(root: Path) -> list[tuple[dict, RoomSample]]:
    """What the loader reads, and what was rendered."""
    dataset = PascalContextMTDataset(
        root,
        split='train',
        tasks=TASKS,
        pipeline=[
            dict(type='LoadImageFromFile'),
            dict(type='LoadMultiTaskAnnotations'),
        ],
    )
    return [
        (dataset[n], render_room(ORDER.room_seed(n), *SIZE)) for n in range(10)
    ]


def test_folder_holds_exactly_the_published_layout(root: Path) -> None:
    ids = [f'2008_{n:06d}' for n in range(1, 15)]
    expected = ['ImageSets/Context/train.txt', 'ImageSets/Context/val.txt']
    expected += ['meta.json']
    for sample_id in ids:
        even = int(sample_id[-1]) % 2 == 0
        expected += [
            f'JPEGImages/{sample_id}.jpg',
            f'semseg/{"VOC12" if even else "pascal-context"}/{sample_id}.png',
            f'human_parts/{sample_id}.mat',
            f'normals_distill/{sample_id}.png',
            f'sal_distill/{sample_id}.png',
            f'pascal-context/trainval/{sample_id}.mat',
        ]
    found = [str(p.relative_to(root)) for p in root.rglob('*') if p.is_file()]
    assert sorted(found) == sorted(expected)
    text = (root / 'ImageSets/Context/val.txt').read_text()
    assert text.split() == ids[10:]


def test_images_are_close_to_the_rendered_ones(samples: list) -> None:
    for loaded, room in samples:
        difference = loaded['img'][..., ::-1].astype(int) - room.image
        assert np.abs(difference).mean() < 8  # JPEG


def test_semantic_classes_are_those_of_voc(samples: list) -> None:
    seen = set()
    for loaded, room in samples:
        semseg = loaded['labels']['semseg']
        expected = np.zeros(SIZE, int)
        for name, voc in SHARED.items():
            expected[room.semseg == CLASS_ID[name]] = CLASSES.index(voc)
        known = semseg != 255
        np.testing.assert_array_equal(semseg[known], expected[known])
        assert (expected[~known] > 0).all()  # outlines, inside of things
        assert known.mean() > 0.8
        if 'semseg/pascal-context/' in loaded['label_paths']['semseg']:
            assert known.all()
        seen |= set(semseg.ravel().tolist())
    assert seen == {0, 255, *(CLASSES.index(v) for v in SHARED.values())}


def test_human_parts_and_saliency_are_the_rendered_ones(
    samples: list,
) -> None:
    seen = set()
    for loaded, room in samples:
        for task in ('human_parts', 'saliency'):
            np.testing.assert_array_equal(
                loaded['labels'][task], getattr(room, task)
            )
        seen |= set(room.human_parts.ravel().tolist())
    assert seen == set(range(7))


def test_normals_are_the_rendered_ones_on_trusted_classes(
    samples: list,
) -> None:
    left_out = 0
    for loaded, room in samples:
        normals = loaded['labels']['normals']
        # Of the room's classes only the unnamed props are not trusted.
        unknown = room.semseg == CLASS_ID['otherprop']
        assert (normals[unknown] == 0).all()
        np.testing.assert_allclose(
            normals[~unknown], room.normals[~unknown], atol=1 / 255 + 1e-6
        )
        left_out += unknown.sum()
    assert left_out > 0


def test_edges_follow_the_classes(samples: list) -> None:
    near = np.ones((5, 5), np.uint8)
    for loaded, room in samples:
        edge = loaded['labels']['edge']
        change = np.zeros(SIZE, np.uint8)
        change[:, :-1] |= room.semseg[:, :-1] != room.semseg[:, 1:]
        change[:-1] |= room.semseg[:-1] != room.semseg[1:]
        assert edge.any()
        assert (cv2.dilate(change, near)[edge > 0] == 1).all()
        # Thinning loses loops around single pixels.
        assert cv2.dilate(edge, near)[change > 0].mean() > 0.97
        # Lines, not areas: few places where a whole 2x2 block is set.
        blocks = edge[1:, 1:] & edge[:-1, 1:] & edge[1:, :-1] & edge[:-1, :-1]
        assert blocks.sum() < 0.05 * edge.sum()


def test_mat_files_do_not_hold_the_date(root: Path) -> None:
    for path in root.rglob('*.mat'):
        text = path.read_bytes()[:116]
        assert text.rstrip() == b'MATLAB 5.0 MAT-file, written by mmmtl'


def test_context_ids_of_the_two_tables_agree() -> None:
    context = dict(zip(CLASSES, CONTEXT_IDS, strict=True))
    for room, voc in SHARED.items():
        assert CONTEXT_ID[room] == context[voc]


def test_rooms_number_the_parts_of_people_as_pascal_does() -> None:
    assert HUMAN_PARTS == HUMAN_PARTS_CLASSES
