"""Whatever is wrong with a data folder: one line with the file and the fix."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from mmengine.registry import DefaultScope
from torch.utils.data import DataLoader

from mmmtl.datasets import NYUDv2Dataset
from mmmtl.engine.errors import describe
from mmmtl.errors import DatasetError
from tests.test_datasets.nyud_folder import (
    FILES,
    SIZE,
    stored_arrays,
    write_file,
    write_nyud,
)

TASKS = ['semseg', 'depth', 'normals', 'edge']
_BELOW = np.tri(12, 16, -3, dtype=np.uint8) * np.uint8(255)
PIPELINE = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadMultiTaskAnnotations'),
    dict(type='PackMultiTaskInputs'),
]


def make(root: Path, **changes: object) -> NYUDv2Dataset:
    # Serialising collects garbage, half a second each time.
    arguments = dict(
        split='train', tasks=TASKS, pipeline=PIPELINE, serialize_data=False
    )
    return NYUDv2Dataset(root, **{**arguments, **changes})


def message_of(action: Callable[[], object]) -> str:
    """Return the text of the error that an action must end in."""
    with pytest.raises(DatasetError) as caught:
        action()
    text = str(caught.value)
    assert '\n' not in text
    return text


def test_missing_folder(tmp_path: Path) -> None:
    text = message_of(lambda: make(tmp_path / 'absent'))
    assert str(tmp_path / 'absent') in text
    assert 'rooms.py' in text


def test_missing_split(tmp_path: Path) -> None:
    write_nyud(tmp_path)
    text = message_of(lambda: make(tmp_path, split='training'))
    assert 'gt_sets/training.txt is missing' in text
    assert 'train.txt, val.txt' in text


@pytest.mark.parametrize(
    ('content', 'message'),
    [
        (b'', 'is empty'),
        (b'0001\n0001\n', "names '0001' more than once"),
        (b'\xff\xfe\x00', 'no text file'),
    ],
)
def test_bad_split(tmp_path: Path, content: bytes, message: str) -> None:
    write_nyud(tmp_path)
    (tmp_path / 'gt_sets/train.txt').write_bytes(content)
    text = message_of(lambda: make(tmp_path))
    assert message in text
    assert 'train.txt' in text


@pytest.mark.parametrize('name', ['image', *TASKS])
def test_missing_file_is_found_at_the_start(tmp_path: Path, name: str) -> None:
    write_nyud(tmp_path)
    path = FILES[name].format('0004')
    (tmp_path / path).unlink()
    text = message_of(lambda: make(tmp_path))
    assert f'1 of 10 files are missing in {tmp_path}: {path};' in text
    assert make(tmp_path, lazy_init=True).tasks == tuple(TASKS)


def test_many_missing_files_are_counted(tmp_path: Path) -> None:
    ids = [f'{n:04d}' for n in range(1, 7)]
    write_nyud(tmp_path, train=ids)
    for sample_id in ids:
        (tmp_path / f'edge/{sample_id}.png').unlink()
    text = message_of(lambda: make(tmp_path))
    assert '6 of 30 files' in text
    assert 'edge/0003.png, ...' in text
    assert '0004' not in text


def test_file_that_vanishes_later(tmp_path: Path) -> None:
    write_nyud(tmp_path)
    dataset = make(tmp_path)
    (tmp_path / 'depth/0001.npy').unlink()
    text = message_of(lambda: dataset[0])
    assert 'depth/0001.npy: no such file' in text


@pytest.mark.parametrize('name', ['image', *TASKS])
@pytest.mark.parametrize('keep', [0, 0.6])
def test_truncated_file(tmp_path: Path, name: str, keep: float) -> None:
    write_nyud(tmp_path)
    path = tmp_path / FILES[name].format('0001')
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * keep)])
    text = message_of(lambda: make(tmp_path)[0])
    assert str(path) in text
    assert 'unreadable' in text
    assert name in text


def test_pickle_in_a_label_is_not_run(tmp_path: Path) -> None:
    write_nyud(tmp_path)
    objects = np.array([{'run': 'me'}], dtype=object)
    np.save(tmp_path / 'depth/0001.npy', objects, allow_pickle=True)
    text = message_of(lambda: make(tmp_path)[0])
    assert 'depth/0001.npy is unreadable' in text


@pytest.mark.parametrize('task', TASKS)
def test_label_of_another_size(tmp_path: Path, task: str) -> None:
    write_nyud(tmp_path)
    other = stored_arrays((SIZE[0], SIZE[1] + 1))[task]
    path = write_file(tmp_path, task, '0001', other)
    text = message_of(lambda: make(tmp_path)[0])
    assert f'{task} label {path} is 12x17' in text
    assert 'its image 12x16' in text


@pytest.mark.parametrize('stored', [41, 200, 255])
def test_class_outside_the_table(tmp_path: Path, stored: int) -> None:
    write_nyud(tmp_path)
    semseg = stored_arrays()['semseg']
    semseg[3, 3] = stored
    path = write_file(tmp_path, 'semseg', '0001', semseg)
    text = message_of(lambda: make(tmp_path)[0])
    assert f'semseg label {path} holds {stored}, ' in text
    assert 'the 40 classes are stored as 1 to 40' in text


def _depth(value: float) -> np.ndarray:
    depth = stored_arrays()['depth']
    depth[2, 2] = value
    return depth


@pytest.mark.parametrize(
    ('task', 'stored', 'message'),
    [
        ('depth', _depth(np.nan), 'holds NaN or infinity'),
        ('depth', _depth(np.inf), 'holds NaN or infinity'),
        ('depth', _depth(-1), 'holds -1 to'),
        ('depth', _depth(255), 'to 255: write metres, at most 100'),
        ('depth', _depth(1).astype(np.int32), 'is int32'),
        ('depth', np.ones((12, 16, 3), np.float32), r'(12, 16, 3)'),
        ('depth', np.float32(3), 'is float32 ()'),
        ('normals', stored_arrays()['semseg'], 'write an RGB picture'),
        ('semseg', stored_arrays()['image'], 'write (H, W) whole numbers'),
        ('edge', stored_arrays()['image'], 'write (H, W) uint8'),
        ('edge', stored_arrays()['edge'] // 255, '1 as its largest value'),
        # 1 is an edge, 255 no label: read plainly, it is inverted.
        ('edge', np.eye(12, 16, dtype=np.uint8) | _BELOW, 'holds 0, 1, 255'),
    ],
)
def test_wrong_encoding(
    tmp_path: Path, task: str, stored: np.ndarray, message: str
) -> None:
    write_nyud(tmp_path)
    path = write_file(tmp_path, task, '0001', stored)
    text = message_of(lambda: make(tmp_path)[0])
    assert text.startswith(f'{task} label {path}: ')
    assert message in text


def test_wide_class_ids(tmp_path: Path) -> None:
    write_nyud(tmp_path)
    wide = stored_arrays()['semseg'].astype(np.uint16)
    wide[0, 0] = 300
    write_file(tmp_path, 'semseg', '0001', wide)
    assert 'holds 0 to 300' in message_of(lambda: make(tmp_path)[0])


def test_tasks_the_data_set_does_not_have(tmp_path: Path) -> None:
    with pytest.raises(
        ValueError, match=r"no labels for \['saliency'\].*edge"
    ):
        make(tmp_path, tasks=['depth', 'saliency'])
    with pytest.raises(ValueError, match="did you mean 'depth'"):
        make(tmp_path, tasks=['dept'])
    with pytest.raises(ValueError, match='empty'):
        make(tmp_path, tasks=[])


def test_palette_of_another_length(tmp_path: Path) -> None:
    write_nyud(tmp_path)
    metainfo = dict(classes=['a', 'b'])
    text = message_of(lambda: make(tmp_path, metainfo=metainfo))
    assert '2 classes and 40 colours in palette' in text


def test_pipeline_for_prediction_has_no_labels_to_load() -> None:
    from mmmtl.datasets.transforms import LoadMultiTaskAnnotations

    text = message_of(lambda: LoadMultiTaskAnnotations()({'img': None}))
    assert 'leave LoadMultiTaskAnnotations out' in text


def test_broken_sample_is_never_replaced(tmp_path: Path) -> None:
    write_nyud(tmp_path)
    with DefaultScope.overwrite_default_scope('mmmtl'):
        dataset = make(tmp_path, pipeline=[lambda results: None])
    with pytest.raises(Exception, match='None'):
        dataset[0]


@pytest.mark.parametrize(
    ('broken', 'kind'),
    [('depth', 'UnreadableFileError'), ('image', 'UnreadableFileError')],
)
def test_message_survives_a_loader_process(
    tmp_path: Path, broken: str, kind: str
) -> None:
    write_nyud(tmp_path)
    path = tmp_path / FILES[broken].format('0004')
    path.write_bytes(path.read_bytes()[:30])
    loader = DataLoader(make(tmp_path), num_workers=2, collate_fn=list)
    with pytest.raises(DatasetError) as caught:
        list(loader)
    last = str(caught.value).rstrip().splitlines()[-1]
    assert last.startswith(f'mmmtl.errors.{kind}: ')
    assert str(path) in last
    assert 'write it again' in last
    # What the tools print: the text alone, without the class and traceback.
    assert describe(caught.value) == last.partition(': ')[2]
