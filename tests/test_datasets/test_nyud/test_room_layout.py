"""The loader of the real data set reads rendered rooms back."""

from pathlib import Path

import numpy as np

from mmmtl.datasets import NYUDv2Dataset
from mmmtl.datasets.room_layouts import order_rooms
from mmmtl.rooms import CLASSES, PALETTE, render_room
from mmmtl.rooms.produce import produce


def test_nyud_loader_returns_the_rendered_maps(tmp_path: Path) -> None:
    order = order_rooms(
        layout='nyud', num_train=1, num_val=2, height=24, width=32, seed=2
    )
    produce(order, tmp_path / 'rooms')
    dataset = NYUDv2Dataset(
        tmp_path / 'rooms',
        split='val',
        tasks=('semseg', 'depth', 'normals', 'edge'),
        pipeline=[
            dict(type='LoadImageFromFile'),
            dict(type='LoadMultiTaskAnnotations'),
        ],
        metainfo=dict(classes=CLASSES, palette=PALETTE),
    )
    assert len(dataset) == 2
    loaded = dataset[1]
    sample = render_room(order.room_seed(2), 24, 32)
    np.testing.assert_array_equal(loaded['img'], sample.image[..., ::-1])
    for task in ('semseg', 'depth', 'edge'):
        np.testing.assert_array_equal(
            loaded['labels'][task], getattr(sample, task)
        )
    np.testing.assert_allclose(
        loaded['labels']['normals'], sample.normals, atol=1 / 255 + 1e-6
    )
