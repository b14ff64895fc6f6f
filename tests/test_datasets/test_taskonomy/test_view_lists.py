"""Lists of views: tables of buildings, folders, depth of a plausible size."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mmmtl.datasets.taskonomy.layout import LAYOUTS, ViewId, pattern
from mmmtl.datasets.taskonomy.view_lists import (
    REPLICA_SCENES,
    depth_medians,
    likely_scales,
    list_views,
    read_buildings,
)
from mmmtl.errors import DatasetError


def touch(root: Path, place: str, sample_id: str) -> None:
    path = root / place.format(ViewId(sample_id))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()


def test_table_of_buildings(tmp_path: Path) -> None:
    path = tmp_path / 'tiny.csv'
    path.write_text('id,train,val,test\na,1,0,0\nb,0,0,1\nc,1,0,0\nd,0,0,0\n')
    assert read_buildings(path) == {
        'train': ('a', 'c'),
        'val': (),
        'test': ('b',),
    }


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        ('', 'needs the columns id, train, val, test'),
        ('id,train,val\na,1,0\n', 'needs the columns'),
        ('id,train,val,test\na,1,0\n', 'needs the columns'),
        ('id,train,val,test\na,1,1,0\n', "has 1,1,0 for 'a'"),
        ('id,train,val,test\na,yes,no,no\n', "has yes,no,no for 'a'"),
    ],
)
def test_bad_table(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / 'tiny.csv'
    path.write_text(text)
    with pytest.raises(DatasetError, match=message) as caught:
        read_buildings(path)
    assert str(path) in str(caught.value)
    with pytest.raises(DatasetError, match='unreadable'):
        read_buildings(tmp_path / 'absent.csv')


def test_replica_has_eighteen_scenes() -> None:
    scenes = [name for names in REPLICA_SCENES.values() for name in names]
    assert len(scenes) == len(set(scenes)) == 18


@pytest.mark.parametrize('layout', [n for n in LAYOUTS if n != 'flat'])
def test_only_complete_views_are_listed(tmp_path: Path, layout: str) -> None:
    image = pattern(layout, 'taskonomy', 'rgb')
    depth = pattern(layout, 'taskonomy', 'depth_zbuffer')
    views = ['b/point_10_view_1', 'b/point_2_view_0', 'a/point_0_view_0']
    for view in views:
        touch(tmp_path, image, view)
    for view in (views[0], views[2]):
        touch(tmp_path, depth, view)
    if layout not in ('building_domain', 'archives', 'taskgrouping'):
        (tmp_path / image.format(ViewId('b/x'))).with_name('note').touch()
    found = list_views(tmp_path, image, [depth], ['b', 'a', 'c'])
    assert found.ids == ('a/point_0_view_0', 'b/point_10_view_1')
    assert found.absent == ('c',)
    assert found.incomplete == 1


@pytest.mark.parametrize('scale', [512, 4096])
def test_depth_scale_is_recognised(tmp_path: Path, scale: int) -> None:
    """Rooms of 1 to 5 m: eight times as deep, or an eighth, is none."""
    place = pattern('multimae', 'replica', 'depth_zbuffer')
    ids = [f'a/point_{n}_view_0' for n in range(5)]
    for n, view in enumerate(ids):
        stored = np.full((4, 5), (n + 1) * scale, np.uint16)
        stored[:2] = 65535
        touch(tmp_path, place, view)
        Image.fromarray(stored).save(tmp_path / place.format(ViewId(view)))
    medians = depth_medians(tmp_path, place, ids)
    assert medians[scale] == 3.0
    assert likely_scales(medians) == [scale]
    assert depth_medians(tmp_path, place, ids, count=2)[scale] == 2.0
    assert likely_scales(depth_medians(tmp_path, place, [])) == []
