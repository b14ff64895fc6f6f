"""Rendered rooms, read without our layouts or written in one's own."""

from __future__ import annotations

import runpy
from pathlib import Path

import cv2
import numpy as np
import pytest

from mmmtl.datasets import FolderDataset
from mmmtl.datasets.room_layouts import order_rooms
from mmmtl.io.id_lists import write_ids
from mmmtl.rooms import CLASSES, RoomSample, render_room
from mmmtl.rooms.produce import Order, RoomLayout, produce

MODULE = Path(__file__).parents[1] / 'data/outside_project/outside_data.py'
PIPELINE = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadMultiTaskAnnotations'),
]
TASKS = ('semseg', 'depth', 'edge')


def check(loaded: dict, seed: int) -> None:
    """Compare a loaded sample with the room it shows."""
    room = render_room(seed, 24, 32)
    np.testing.assert_array_equal(loaded['img'], room.image[..., ::-1])
    for task in TASKS:
        np.testing.assert_array_equal(
            loaded['labels'][task], getattr(room, task)
        )
    np.testing.assert_allclose(
        loaded['labels']['normals'], room.normals, atol=1 / 255 + 1e-6
    )


def test_a_folder_data_set_reads_rooms_by_declared_encodings(
    tmp_path: Path,
) -> None:
    order = order_rooms('nyud', 1, 2, 24, 32, seed=2)
    produce(order, tmp_path / 'rooms')
    dataset = FolderDataset(
        tmp_path / 'rooms',
        split='val',
        splits=dict(train='gt_sets/train.txt', val='gt_sets/val.txt'),
        tasks=None,
        image='images/{}.png',
        labels=dict(
            semseg=dict(path='segmentation/{}.png', first_id=1, no_label=0),
            depth='depth/{}.npy',
            normals=dict(path='normals/{}.png', axes='left up towards'),
            edge=dict(path='edge/{}.png', ids=[0, 255]),
        ),
        classes=dict(semseg=CLASSES),
        pipeline=PIPELINE,
    )
    assert len(dataset) == 2
    check(dataset[1], order.room_seed(2))


def write_room(root: Path, name: str, room: RoomSample) -> None:
    """Write a room as ``outside_data.py`` reads it."""
    (root / 'rgb').mkdir(exist_ok=True)
    cv2.imwrite(str(root / f'rgb/{name}.png'), room.image[..., ::-1])
    for task in (*TASKS, 'normals'):
        folder = root / 'labels' / task
        folder.mkdir(parents=True, exist_ok=True)
        np.save(folder / f'{name}.npy', getattr(room, task))


def write_lists(root: Path, train: list[str], val: list[str]) -> None:
    write_ids(root / 'train.txt', train)
    write_ids(root / 'val.txt', val)


def name_room(number: int) -> str:
    return f'room{number}'


def files_of(name: str) -> tuple[str, ...]:
    labels = (f'labels/{task}/{name}.npy' for task in (*TASKS, 'normals'))
    return (f'rgb/{name}.png', *labels)


@pytest.fixture
def outside(monkeypatch: pytest.MonkeyPatch) -> type:
    """A data set class as a module outside of the package defines it."""
    from mmmtl.registry import DATASETS

    monkeypatch.setattr(DATASETS, '_module_dict', dict(DATASETS.module_dict))
    return runpy.run_path(str(MODULE))['ArraysDataset']


def test_rooms_may_be_written_in_a_layout_of_ones_own(
    outside: type, tmp_path: Path
) -> None:
    layout = RoomLayout(
        name='arrays',
        tasks=(*TASKS, 'normals'),
        max_rooms=9,
        sample_id=name_room,
        paths=files_of,
        split_paths=('train.txt', 'val.txt'),
        write_sample=write_room,
        write_splits=write_lists,
    )
    order = Order(layout, 1, 1, 24, 32, seed=5)
    produce(order, tmp_path / 'rooms')
    assert order.is_complete_at(tmp_path / 'rooms')
    dataset = outside(
        tmp_path / 'rooms',
        split='val',
        tasks=(*TASKS, 'normals'),
        pipeline=PIPELINE,
        metainfo=dict(classes=CLASSES, palette=None),
    )
    check(dataset[0], order.room_seed(1))
