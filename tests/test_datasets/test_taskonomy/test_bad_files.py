"""Whatever is wrong with a folder of Taskonomy: one line, file and fix."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from torch.utils.data import DataLoader

from mmmtl.errors import DatasetError
from tests.test_datasets.taskonomy_folder import (
    SIZE,
    path_of,
    stored_arrays,
    write_file,
    write_taskonomy,
)
from tests.test_datasets.test_taskonomy.test_dataset import (
    TASKS,
    make,
    message_of,
)

FIRST = 'adams/point_0_view_1'


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write_taskonomy(tmp_path)


def test_missing_folder_and_list(tmp_path: Path) -> None:
    text = message_of(tmp_path / 'absent')
    assert str(tmp_path / 'absent') in text
    assert 'taskonomy.py' in text
    assert 'splits/train.txt is missing' in message_of(tmp_path)


@pytest.mark.parametrize(
    'line',
    ['point_0_view_1', 'adams/rgb.png', 'a/b/point_0_view_1', '../x'],
)
def test_line_that_names_no_view(root: Path, line: str) -> None:
    (root / 'splits/train.txt').write_text(f'{FIRST}\n{line}\n')
    text = message_of(root)
    assert f'splits/train.txt names {line!r}' in text
    assert 'building/point_P_view_V' in text
    assert 'needs lines such as point_P_view_V' in message_of(
        root, layout='flat'
    )


@pytest.mark.parametrize(
    'name', ['image', *(t for t in TASKS if t != 'semseg')]
)
def test_missing_file_is_found_at_the_start(root: Path, name: str) -> None:
    path = path_of(root, name, FIRST)
    path.unlink()
    text = message_of(root)
    assert '1 of 12 files are missing' in text
    assert str(path.relative_to(root)) in text


def test_depth_is_needed_for_the_holes_of_reshading(root: Path) -> None:
    path = path_of(root, 'depth', FIRST)
    path.unlink()
    text = message_of(root, tasks=['reshading'])
    assert str(path.relative_to(root)) in text


def test_hole_map_that_vanishes_later(root: Path) -> None:
    dataset = make(root, tasks=['reshading'])
    path = path_of(root, 'depth', FIRST)
    path.unlink()
    with pytest.raises(DatasetError, match=f'{path}: no such file'):
        dataset[0]


@pytest.mark.parametrize('name', ['image', *TASKS])
@pytest.mark.parametrize('keep', [0, 0.6])
def test_truncated_file(root: Path, name: str, keep: float) -> None:
    array = stored_arrays()[name]
    noise = np.random.default_rng(0).integers(1, 18, array.shape)
    path = write_file(root, name, FIRST, noise.astype(array.dtype))
    data = path.read_bytes()
    assert len(data) * 0.6 > 100 or name not in ('semseg', 'image')
    path.write_bytes(data[: int(len(data) * keep)])
    tasks = [name] if name != 'image' else ['depth']
    if name == 'semseg' and keep == 0:  # an empty one means "no label"
        assert make(root, tasks=tasks)[0] is not None
        return
    text = message_of(root, tasks=tasks)
    assert str(path) in text
    assert 'unreadable' in text


def test_truncated_hole_map(root: Path) -> None:
    path = path_of(root, 'depth', FIRST)
    path.write_bytes(path.read_bytes()[:60])
    text = message_of(root, tasks=['reshading'])
    assert str(path) in text
    assert 'unreadable' in text
    assert 'write it again' in text


@pytest.mark.parametrize('task', TASKS)
def test_label_of_another_size(root: Path, task: str) -> None:
    other = stored_arrays((SIZE[0], SIZE[1] + 1))
    path = write_file(root, task, FIRST, other[task])
    if task == 'reshading':
        write_file(root, 'depth', FIRST, other['depth'])
    text = message_of(root, tasks=[task])
    assert f'{task} label {path} is 12x17' in text


def test_hole_map_of_another_size(root: Path) -> None:
    other = stored_arrays((SIZE[0], SIZE[1] + 1))['depth']
    write_file(root, 'depth', FIRST, other)
    text = message_of(root, tasks=['reshading'])
    assert 'is 12x16, the map of its holes 12x17' in text


def test_class_outside_the_table(root: Path) -> None:
    semseg = stored_arrays()['semseg']
    semseg[3, 3] = 18
    path = write_file(root, 'semseg', FIRST, semseg)
    text = message_of(root)
    assert f'semseg label {path} holds 18' in text
    assert 'the 17 classes are stored as 1 to 17' in text


def _eight_bits(task: str) -> np.ndarray:
    return np.asarray(Image.fromarray(stored_arrays()[task] >> 8), np.uint8)


@pytest.mark.parametrize(
    ('task', 'stored', 'message'),
    [
        ('depth', _eight_bits('depth'), 'numbers of 16 bits'),
        ('keypoints2d', _eight_bits('keypoints2d'), 'numbers of 16 bits'),
        ('edges2d', stored_arrays()['image'], 'numbers of 16 bits'),
        ('normals', stored_arrays()['depth'], 'write an RGB picture'),
        ('reshading', stored_arrays()['normals'], 'write a grey picture'),
        ('reshading', stored_arrays()['depth'], 'write a grey picture'),
        ('semseg', stored_arrays()['image'], 'class ids of 8 bits'),
        ('depth', np.full(SIZE, 70000, np.int32), 'holds 0 to 70000'),
        ('depth', np.full(SIZE, -1, np.int32), 'holds -1 to 0'),
    ],
)
def test_wrong_encoding(
    root: Path, task: str, stored: np.ndarray, message: str
) -> None:
    path = path_of(root, task, FIRST)
    if stored.dtype == np.int32:  # PNG has no such pictures, TIFF has
        Image.fromarray(stored).save(path, format='TIFF')
    else:
        write_file(root, task, FIRST, stored)
    text = message_of(root, tasks=[task])
    assert text.startswith(f'{task} label {path}: ')
    assert message in text


def test_message_survives_a_loader_process(root: Path) -> None:
    path = path_of(root, 'depth', FIRST)
    path.write_bytes(path.read_bytes()[:60])
    dataset = make(root, tasks=['reshading'])
    with pytest.raises(DatasetError) as caught:
        list(DataLoader(dataset, num_workers=1, collate_fn=list))
    last = str(caught.value).rstrip().splitlines()[-1]
    assert str(path) in last
    assert 'write it again' in last
