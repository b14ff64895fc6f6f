"""Every defect, planted in a rendered folder, is found and named."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mmengine.config import Config
from PIL import ExifTags, Image

from mmmtl.datasets.room_layouts import order_rooms
from mmmtl.datasets.verification.known_sets import KNOWN_SETS, find_set
from mmmtl.datasets.verification.verify import format_report, verify
from mmmtl.errors import DatasetError
from mmmtl.registry import DATASETS
from mmmtl.rooms.produce import produce
from tests.test_datasets.taskonomy_folder import (
    DOMAINS,
    holes,
    stored_arrays,
)

SIZE = (48, 64)


@pytest.fixture(scope='module')
def rendered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp('rendered') / 'rooms'
    order = order_rooms('nyud', 4, 2, *SIZE, seed=0)
    produce(order, out)
    return out


@pytest.fixture
def rooms(rendered: Path, tmp_path: Path) -> Path:
    return shutil.copytree(rendered, tmp_path / 'rooms')


def check(root: Path, name: str = 'rooms', **how: Any) -> dict[str, Any]:
    return verify(root, find_set(name, root), **how)


def problems(report: dict[str, Any]) -> dict[tuple[str, str], list[str]]:
    assert report['ok'] == (not report['problems'])
    rows = report['problems']
    assert all(row['count'] == len(row['files']) for row in rows)
    return {(row['kind'], row['task']): row['files'] for row in rows}


def rewrite(path: Path, change: Callable[[np.ndarray], np.ndarray]) -> None:
    if path.suffix == '.npy':
        np.save(path, change(np.load(path)))
        return
    with Image.open(path) as picture:
        stored = np.array(picture)
    Image.fromarray(change(stored)).save(path)


def test_nothing_is_wrong_with_rendered_rooms(rooms: Path) -> None:
    report = check(rooms)
    assert problems(report) == {}
    assert report['samples'] == {'train': 4, 'val': 2}
    assert report['files'] == 6 * 5
    depths = [np.load(path) for path in (rooms / 'depth').iterdir()]
    found = report['statistics']['depth']
    assert found['low'] == min(depth.min() for depth in depths)
    assert found['high'] == max(depth.max() for depth in depths)
    medians = [np.median(depth) for depth in depths]
    assert found['median'] == pytest.approx(np.median(medians))
    assert found['labelled'] == 1
    assert report['statistics']['normals']['angle_to_depth'] < 10
    assert sum(report['statistics']['edge']['counts'].values()) == 6 * 48 * 64
    assert 'No problem found.' in format_report(report)


@pytest.mark.parametrize('file', ['images/0002.png', 'depth/0002.npy'])
def test_missing(rooms: Path, file: str) -> None:
    (rooms / file).unlink()
    task = 'image' if 'images' in file else 'depth'
    assert problems(check(rooms)) == {('missing', task): [file]}


def test_labels_of_a_missing_image_are_looked_for(rooms: Path) -> None:
    (rooms / 'images/0002.png').unlink()
    (rooms / 'edge/0002.png').unlink()
    assert set(problems(check(rooms))) == {
        ('missing', 'image'),
        ('missing', 'edge'),
    }


@pytest.mark.parametrize(
    ('task', 'file'),
    [
        ('image', 'images/0006.png'),
        ('semseg', 'segmentation/0006.png'),
        ('normals', 'normals/0006.png'),
        ('depth', 'depth/0006.npy'),
        ('edge', 'edge/0006.png'),
    ],
)
def test_truncated(rooms: Path, task: str, file: str) -> None:
    content = (rooms / file).read_bytes()
    (rooms / file).write_bytes(content[: int(0.7 * len(content))])
    assert problems(check(rooms)) == {('unreadable', task): [file]}


def _metres_to_millimetres(stored: np.ndarray) -> np.ndarray:
    return stored * 1000


def _one_class_too_many(stored: np.ndarray) -> np.ndarray:
    stored[3, 3] = 17  # rooms have 16 classes, stored as 1 to 16
    return stored


def _mirrored(stored: np.ndarray) -> np.ndarray:
    stored[..., 0] = 255 - stored[..., 0]
    return stored


def _turned_round(stored: np.ndarray) -> np.ndarray:
    return 255 - stored


def _channels_reversed(stored: np.ndarray) -> np.ndarray:
    return stored[..., ::-1]


def _halved(stored: np.ndarray) -> np.ndarray:
    return np.round(127.5 + (stored - 127.5) / 2).astype(np.uint8)


@pytest.mark.parametrize(
    ('kinds', 'task', 'file', 'change'),
    [
        ({'size'}, 'semseg', 'segmentation/{}.png', lambda x: x[:, 1:]),
        ({'size'}, 'depth', 'depth/{}.npy', lambda x: x[1:]),
        ({'range'}, 'semseg', 'segmentation/{}.png', _one_class_too_many),
        ({'range'}, 'depth', 'depth/{}.npy', _metres_to_millimetres),
        ({'range'}, 'depth', 'depth/{}.npy', lambda x: x * np.nan),
        ({'encoding'}, 'depth', 'depth/{}.npy', lambda x: x.astype(int)),
        ({'encoding'}, 'edge', 'edge/{}.png', lambda x: x // 255),
        ({'inverted'}, 'edge', 'edge/{}.png', _turned_round),
        ({'encoding'}, 'normals', 'normals/{}.png', lambda x: x[..., 0]),
        ({'constant'}, 'depth', 'depth/{}.npy', lambda x: x * 0 + 2),
        ({'constant'}, 'image', 'images/{}.png', lambda x: x * 0 + x[:1, :1]),
        ({'disagree'}, 'normals', 'normals/{}.png', _mirrored),
        (
            {'facing away', 'disagree'},
            'normals',
            'normals/{}.png',
            _turned_round,
        ),
        (
            {'facing away', 'disagree'},
            'normals',
            'normals/{}.png',
            _channels_reversed,
        ),
        ({'not unit'}, 'normals', 'normals/{}.png', _halved),
    ],
)
def test_wrong_content(
    rooms: Path,
    kinds: set[str],
    task: str,
    file: str,
    change: Callable[[np.ndarray], np.ndarray],
) -> None:
    # All three, for no single room need show that a sign is wrong.
    files = [file.format(f'{number:04d}') for number in (1, 4, 6)]
    for name in files:
        rewrite(rooms / name, change)
    found = problems(check(rooms))
    for kind in kinds:
        assert found.pop((kind, task)), kind
    # Constant depth has other normals than its room, and a mirrored side
    # wall faces away: second statements about the same files.
    also = {('disagree', 'normals'), ('facing away', 'normals')}
    assert set(found) <= also


def test_pictures_stored_lying_down_are_named(rooms: Path) -> None:
    """Turned by half: nothing about sizes gives it away."""
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 3
    for file in ('images/0001.png', 'images/0002.png', 'edge/0002.png'):
        with Image.open(rooms / file) as picture:
            picture.transpose(Image.Transpose.ROTATE_180).save(
                rooms / file, exif=exif
            )
    report = check(rooms, tasks=['edge'])
    notes = {
        (row['kind'], row['task']): (row['files'], row['example'])
        for row in report['notes']
    }
    files, example = notes.pop(('turned', 'image'))
    assert files == ['images/0001.png', 'images/0002.png']
    assert example == (
        'EXIF orientation 3; labels must be of the picture as viewers show it'
    )
    assert notes == {
        ('turned', 'edge'): (['edge/0002.png'], 'EXIF orientation 3')
    }
    assert report['ok']


def test_the_same_id_in_both_splits(rooms: Path) -> None:
    with (rooms / 'gt_sets/val.txt').open('a') as file:
        file.write('0001\n')
    found = problems(check(rooms))
    assert found == {('overlap', 'image'): ['images/0001.png']}
    assert problems(check(rooms, splits=['train'])) == {}
    (rooms / 'images/0001.png').unlink()  # the id alone tells
    assert problems(check(rooms))['overlap', 'image'] == ['images/0001.png']


@pytest.mark.parametrize(('copy', 'kind'), [('0005', 'overlap'), ('0002', '')])
def test_the_same_image_under_two_names(
    rooms: Path, copy: str, kind: str
) -> None:
    # 1 to 4 are training rooms, 5 and 6 validation rooms.
    shutil.copy(rooms / 'images/0001.png', rooms / f'images/{copy}.png')
    report = check(rooms)
    file = f'images/{copy}.png'
    if kind:
        assert problems(report) == {('overlap', 'image'): [file]}
    else:
        assert report['ok']
        (note,) = report['notes']
        assert (note['kind'], note['files']) == ('duplicate', [file])


def test_a_map_without_labels_is_a_note_most_maps_a_problem(
    rooms: Path,
) -> None:
    def unlabelled(number: int) -> None:
        path = rooms / f'segmentation/000{number}.png'
        rewrite(path, lambda x: x * np.uint8(0))

    for number in (1, 2, 3):
        unlabelled(number)
    report = check(rooms)
    assert report['ok']
    (note,) = report['notes']
    assert (note['kind'], note['task'], note['count']) == (
        'empty',
        'semseg',
        3,
    )
    assert report['statistics']['semseg']['labelled'] == 0.5
    unlabelled(4)
    found = problems(check(rooms))
    assert found == {('constant', 'semseg'): ['segmentation/0001.png']}


def test_only_the_named_tasks_are_opened(rooms: Path) -> None:
    shutil.rmtree(rooms / 'normals')
    assert not check(rooms)['ok']
    report = check(rooms, tasks=['depth', 'edge'])
    assert report['ok']
    assert report['files'] == 6 * 3
    with pytest.raises(ValueError, match="did you mean 'depth'"):
        check(rooms, tasks=['dept'])


def test_partial_labels(rooms: Path) -> None:
    for number in (1, 2, 6):
        (rooms / f'depth/000{number}.npy').unlink()
    rules = find_set('rooms', rooms)
    options = {**rules.options, 'allow_missing_labels': True}
    report = verify(rooms, replace(rules, options=options))
    assert report['ok']
    assert report['files'] == 6 * 5 - 3
    assert report['statistics']['depth']['maps'] == 3


@pytest.mark.slow
def test_workers_find_the_same(rooms: Path) -> None:
    rewrite(rooms / 'depth/0001.npy', _metres_to_millimetres)
    (rooms / 'edge/0005.png').unlink()
    assert check(rooms, workers=2) == check(rooms)


def test_mt_layout(rooms: Path) -> None:
    for path in (rooms / 'images').iterdir():
        with Image.open(path) as picture:
            picture.save(path.with_suffix('.jpg'))
    for name, scale in (('normals', 127.5), ('edge', 255)):
        for path in (rooms / name).iterdir():
            with Image.open(path) as picture:
                stored = np.array(picture) / scale - (name == 'normals')
            np.save(path.with_suffix('.npy'), stored.astype(np.float32))
    assert problems(check(rooms, 'nyud-mt')) == {}
    rewrite(rooms / 'edge/0001.npy', lambda x: x * 255)
    rewrite(rooms / 'normals/0002.npy', lambda x: x * 1.2)
    assert problems(check(rooms, 'nyud-mt')) == {
        ('range', 'edge'): ['edge/0001.npy'],
        ('range', 'normals'): ['normals/0002.npy'],
    }


def test_table_of_sets(rooms: Path) -> None:
    for rules in KNOWN_SETS.values():
        cls = DATASETS.get(rules.dataset)
        assert cls is not None, rules.dataset
        assert (rules.camera is None) == (rules.camera_size is None)
    with pytest.raises(ValueError, match="did you mean 'nyud'"):
        find_set('nyudd', rooms)
    (rooms / 'meta.json').unlink()
    with pytest.raises(DatasetError, match='not that of rendered rooms'):
        find_set('rooms', rooms)


@pytest.mark.parametrize('layout', ['pascal_context', 'taskonomy'])
def test_other_layouts(tmp_path: Path, layout: str) -> None:
    order = order_rooms(layout, 2, 1, *SIZE, seed=3)
    produce(order, tmp_path / 'rooms')
    report = check(tmp_path / 'rooms')
    assert problems(report) == {}
    assert set(report['statistics']) == set(order.layout.tasks)


@pytest.mark.parametrize(('factor', 'noted'), [(0.1, True), (1, False)])
def test_an_unlikely_depth_scale_is_a_note(
    rooms: Path, factor: float, noted: bool
) -> None:
    for path in (rooms / 'depth').iterdir():
        rewrite(path, lambda x: (x * factor).astype(np.float32))
    report = check(rooms)
    assert report['ok']
    assert [note['kind'] for note in report['notes']] == ['scale'] * noted
    assert ('check the depth scale' in format_report(report)) == noted
    outdoors = replace(find_set('rooms', rooms), indoor=False)
    assert verify(rooms, outdoors)['notes'] == []


@pytest.fixture
def doom(tmp_path: Path) -> Path:
    """One view per split of a folder in CocoDoom's layout."""
    (tmp_path / 'splits').mkdir()
    for number, split in enumerate(('train', 'val')):
        view = f'run1_map01/point_{number:06d}_view_0'
        (tmp_path / f'splits/{split}.txt').write_text(view)
        arrays = stored_arrays()
        arrays['image'][0, 0] = number
        arrays['semseg'] = arrays['semseg'] % 3
        mask = np.where(holes(), 0, 255).astype(np.uint8)
        places = {**DOMAINS, 'mask': ('mask_valid', 'mask_valid')}
        for name, array in {**arrays, 'mask': mask}.items():
            domain, spelling = places[name]
            path = tmp_path / f'{domain}/cocodoom/{view}_domain_{spelling}.png'
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(array).save(path)
    (tmp_path / 'classes.txt').write_text('background\nPLAYER\n')
    return tmp_path


def found_in(root: Path) -> dict[tuple[str, str], list[str]]:
    return problems(
        check(root, 'cocodoom', tasks=['semseg', 'depth', 'reshading'])
    )


def test_cocodoom_ids_are_checked_against_its_classes(doom: Path) -> None:
    assert found_in(doom) == {}
    path = next((doom / 'segment_semantic').rglob('*000001*.png'))
    rewrite(path, lambda x: x + np.uint8(x == 2))  # 2 is the last class
    file = path.relative_to(doom).as_posix()
    assert found_in(doom) == {('range', 'semseg'): [file]}
    (doom / 'classes.txt').write_text('')
    with pytest.raises(DatasetError, match=r'classes\.txt is empty'):
        find_set('cocodoom', doom)
    (doom / 'classes.txt').unlink()
    with pytest.raises(DatasetError, match=r'classes\.txt cannot be read'):
        find_set('cocodoom', doom)


def test_cocodoom_holes_are_those_of_training(doom: Path) -> None:
    """The base config names the same domain."""
    mask = next((doom / 'mask_valid').rglob('*.png'))
    mask.unlink()
    assert list(found_in(doom)) == [('missing', 'reshading')]
    text = Path(__file__).parents[3] / 'configs/_base_/datasets/cocodoom.py'
    assert Config.fromfile(text).dataset.holes == 'mask_valid'
    assert KNOWN_SETS['cocodoom'].options == dict(holes='mask_valid')
