"""Rooms in Taskonomy's layout, and its loader on them."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from mmmtl.datasets import TaskonomyDataset
from mmmtl.datasets.room_layouts import order_rooms
from mmmtl.datasets.taskonomy.encodings import encode_depth
from mmmtl.rooms import CLASSES, PALETTE, render_room
from mmmtl.rooms.produce import Order, produce

TASKS = ('semseg', 'depth', 'normals', 'reshading', 'keypoints2d', 'edges2d')


@pytest.fixture(scope='module')
def order() -> Order:
    return order_rooms(
        layout='taskonomy', num_train=2, num_val=1, height=24, width=32, seed=3
    )


@pytest.fixture(scope='module')
def root(order: Order, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp('data') / 'rooms'
    produce(order, root)
    return root


def test_folder_holds_exactly_the_layout(order: Order, root: Path) -> None:
    domains = {
        domain: domain
        for domain in ('rgb', 'depth_zbuffer', 'normal', 'reshading')
    }
    domains |= {'keypoints2d': 'keypoints2d', 'edge_texture': 'edge_texture'}
    domains['segment_semantic'] = 'segmentsemantic'
    expected = {
        f'{domain}/taskonomy/room{n:04d}/point_0_view_0_domain_{name}.png'
        for domain, name in domains.items()
        for n in (1, 2, 3)
    }
    lists = {'train.txt', 'val.txt', 'train_val_test_rooms.csv'}
    expected |= {f'splits/{name}' for name in lists} | {'meta.json'}
    found = {
        p.relative_to(root).as_posix() for p in root.rglob('*') if p.is_file()
    }
    assert found == expected
    assert order.is_complete_at(root)


def test_table_of_buildings_has_the_published_form(root: Path) -> None:
    with (root / 'splits/train_val_test_rooms.csv').open() as file:
        rows = list(csv.DictReader(file))
    assert [list(row.values()) for row in rows] == [
        ['room0001', '1', '0', '0'],
        ['room0002', '1', '0', '0'],
        ['room0003', '0', '1', '0'],
    ]
    assert list(rows[0]) == ['id', 'train', 'val', 'test']
    val = (root / 'splits/val.txt').read_text()
    assert val == 'room0003/point_0_view_0\n'


def test_loader_returns_the_rendered_maps(order: Order, root: Path) -> None:
    dataset = TaskonomyDataset(
        root,
        split='val',
        tasks=TASKS,
        pipeline=[
            dict(type='LoadImageFromFile'),
            dict(type='LoadMultiTaskAnnotations'),
        ],
        metainfo=dict(classes=CLASSES, palette=PALETTE),
    )
    assert len(dataset) == 1
    loaded = dataset[0]
    sample = render_room(order.room_seed(2), 24, 32)
    np.testing.assert_array_equal(loaded['img'], sample.image[..., ::-1])
    labels = loaded['labels']
    np.testing.assert_array_equal(labels['semseg'], sample.semseg)
    # Half a step of each encoding.
    steps = {
        'depth': 1 / 512,
        'normals': 2 / 255,
        'reshading': 1 / 255,
        'keypoints2d': 1 / (0.005 * 65535),
        'edges2d': 1 / (0.08 * 65535),
    }
    for task, step in steps.items():
        wanted = getattr(sample, task)
        assert np.ptp(wanted) > 10 * step
        np.testing.assert_allclose(
            labels[task], wanted, rtol=0, atol=step / 2 + 1e-5
        )


def test_depth_beyond_the_format_is_a_hole() -> None:
    found = encode_depth(np.float32([[1.0, 127.9, 128.0, 500.0]]), 512)
    assert found.tolist() == [[512, 65485, 65535, 65535]]
    assert found.dtype == np.uint16
