"""Writing a data set: layout, encodings, all or nothing."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mmmtl.datasets.room_layouts import order_rooms
from mmmtl.rooms import CLASSES, render_room
from mmmtl.rooms.produce import Order, produce


def order(**changes: object) -> Order:
    values = dict(
        layout='nyud', num_train=3, num_val=2, height=24, width=32, seed=4
    )
    return order_rooms(**{**values, **changes})


def read(path: Path) -> np.ndarray:
    return np.array(Image.open(path))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    produce(order(), tmp_path / 'rooms')
    return tmp_path / 'rooms'


def test_nyud_folder_holds_exactly_the_published_layout(root: Path) -> None:
    ids = ['0001', '0002', '0003', '0004', '0005']
    found = sorted(
        str(p.relative_to(root)) for p in root.rglob('*') if p.is_file()
    )
    pictures = ('edge', 'images', 'normals', 'segmentation')
    expected = [f'{name}/{i}.png' for name in pictures for i in ids]
    expected += [f'depth/{i}.npy' for i in ids]
    expected += ['gt_sets/train.txt', 'gt_sets/val.txt', 'meta.json']
    assert found == sorted(expected)
    train = (root / 'gt_sets/train.txt').read_text()
    assert train == '0001\n0002\n0003\n'
    assert (root / 'gt_sets/val.txt').read_text() == '0004\n0005\n'


def test_decoded_files_equal_the_rendered_maps(root: Path) -> None:
    sample = render_room(order().room_seed(3), 24, 32)
    name = '0004'
    np.testing.assert_array_equal(
        read(root / f'images/{name}.png'), sample.image
    )
    stored = read(root / f'segmentation/{name}.png')
    assert stored.dtype == np.uint8
    assert stored.min() >= 1
    assert stored.max() <= len(CLASSES)
    np.testing.assert_array_equal(stored - 1, sample.semseg)
    # x left, y up, z towards the camera.
    normals = 1 - read(root / f'normals/{name}.png') / 255 * 2
    # Half a step of 2 / 255.
    np.testing.assert_allclose(normals, sample.normals, atol=1 / 255 + 1e-6)
    depth = np.load(root / f'depth/{name}.npy')
    assert depth.dtype == np.float32
    np.testing.assert_array_equal(depth, sample.depth)
    edge = read(root / f'edge/{name}.png')
    np.testing.assert_array_equal(edge, sample.edge * 255)


def test_meta_says_that_the_rooms_are_rendered(root: Path) -> None:
    meta = json.loads((root / 'meta.json').read_text())
    assert 'synthetic' in meta['content']
    assert meta['seed'] == 4
    assert meta['size'] == [24, 32]
    assert tuple(meta['classes']) == CLASSES
    assert meta['tasks'] == ['semseg', 'depth', 'normals', 'edge']


def test_rooms_of_splits_and_seeds_are_disjoint() -> None:
    seeds = [
        order(num_train=30, num_val=20, seed=seed).room_seed(number)
        for seed in range(5)
        for number in range(50)
    ]
    assert len(set(seeds)) == 250


def test_a_smaller_split_is_a_part_of_a_larger_one() -> None:
    small, large = order(num_train=3), order(num_train=9)
    for number in range(3):
        assert small.room_seed(number) == large.room_seed(number)
    assert small.room_seed(3) == large.room_seed(9)  # the first of val


def test_a_finished_result_is_recognised(root: Path) -> None:
    before = (root / 'images/0001.png').stat().st_mtime_ns
    assert not produce(order(), root)
    assert (root / 'images/0001.png').stat().st_mtime_ns == before


def test_rooms_of_an_older_renderer_are_not_finished(root: Path) -> None:
    """Version 1 stored normals of the NYUD layout in another frame."""
    path = root / 'meta.json'
    meta = json.loads(path.read_text())
    assert meta['renderer_version'] > 1
    path.write_text(json.dumps(meta | {'renderer_version': 1}))
    with pytest.raises(FileExistsError, match='version of the renderer'):
        produce(order(), root)


@pytest.mark.parametrize('lost', ['images/0002.png', 'gt_sets/val.txt'])
def test_a_damaged_result_is_refused(root: Path, lost: str) -> None:
    (root / lost).unlink()
    with pytest.raises(FileExistsError, match='remove it'):
        produce(order(), root)


@pytest.mark.parametrize(
    'change', [dict(seed=5), dict(num_val=1), dict(height=32)]
)
def test_the_result_of_another_call_is_refused(
    root: Path, change: dict
) -> None:
    with pytest.raises(FileExistsError, match='remove it'):
        produce(order(**change), root)


def test_an_empty_folder_is_filled(tmp_path: Path) -> None:
    produce(order(num_train=1, num_val=0), tmp_path / 'a')
    (tmp_path / 'b').mkdir()
    produce(order(num_train=1, num_val=0), tmp_path / 'b')
    first = (tmp_path / 'a/images/0001.png').read_bytes()
    assert (tmp_path / 'b/images/0001.png').read_bytes() == first


@pytest.mark.parametrize('error', [KeyboardInterrupt, RuntimeError])
def test_nothing_is_left_after_an_interruption(
    tmp_path: Path, error: type[BaseException]
) -> None:
    def stop() -> None:
        raise error

    with pytest.raises(error):
        produce(order(), tmp_path / 'rooms', on_room=stop)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (dict(layout='nyu'), 'nyud'),
        (dict(num_train=-1), '-1 training'),
        (dict(num_train=0, num_val=0), 'not both 0'),
        (dict(num_train=9999), 'at most 9999'),
        (dict(height=8), '8x32'),
        (dict(seed=-1), 'seed -1'),
    ],
)
def test_bad_orders_are_refused(change: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        order(**change)
