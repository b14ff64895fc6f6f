"""Whatever is wrong with a PASCAL-Context folder: one line, file and fix."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from scipy.io import savemat

from mmmtl.datasets import PascalContextMTDataset
from mmmtl.errors import DatasetError
from mmmtl.io.arrays import read_mat
from tests.test_datasets.pascal_folder import (
    FILES,
    SIZE,
    TRAIN,
    annotation,
    rectangle,
    stored,
    thing,
    two_people,
    write_file,
    write_pascal,
)

TASKS = ['semseg', 'human_parts', 'saliency', 'normals', 'edge']
PIPELINE = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadMultiTaskAnnotations'),
    dict(type='PackMultiTaskInputs'),
]
WIDER = (SIZE[0], SIZE[1] + 1)
ALL = rectangle(slice(None), slice(None))


def make(root: Path, **changes: object) -> PascalContextMTDataset:
    arguments = dict(
        split='train', tasks=TASKS, pipeline=PIPELINE, serialize_data=False
    )
    return PascalContextMTDataset(root, **{**arguments, **changes})


def message_of(action: Callable[[], object]) -> str:
    """Return the text of the error that an action must end in."""
    with pytest.raises(DatasetError) as caught:
        action()
    text = str(caught.value)
    assert '\n' not in text
    return text


def test_missing_folder_names_the_layout(tmp_path: Path) -> None:
    text = message_of(lambda: make(tmp_path / 'absent'))
    assert str(tmp_path / 'absent') in text
    assert '--layout pascal_context' in text


@pytest.mark.parametrize('name', FILES)
def test_missing_file_is_found_at_the_start(tmp_path: Path, name: str) -> None:
    write_pascal(tmp_path)
    (tmp_path / FILES[name].format(TRAIN[1])).unlink()
    text = message_of(lambda: make(tmp_path))
    path = FILES[name].format(TRAIN[1])
    # Of two places for class maps the first one is named.
    path = path.replace('semseg/pascal-context', 'semseg/VOC12')
    assert f'1 of 12 files are missing in {tmp_path}: {path};' in text


def test_normals_alone_need_the_class_maps(tmp_path: Path) -> None:
    write_pascal(tmp_path)
    path = FILES['context'].format(TRAIN[0])
    (tmp_path / path).unlink()
    text = message_of(lambda: make(tmp_path, tasks=['normals']))
    assert f'1 of 6 files are missing in {tmp_path}: {path};' in text
    assert len(make(tmp_path, tasks=['semseg'])) == 2


@pytest.mark.parametrize('task', ['normals', 'edge'])
def test_class_map_that_vanishes_later(tmp_path: Path, task: str) -> None:
    write_pascal(tmp_path)
    dataset = make(tmp_path, tasks=[task])
    path = tmp_path / FILES['context'].format(TRAIN[0])
    path.unlink()
    assert f'{path}: no such file' in message_of(lambda: dataset[0])


@pytest.mark.parametrize('name', FILES)
@pytest.mark.parametrize('keep', [0, 0.6])
def test_truncated_file(tmp_path: Path, name: str, keep: float) -> None:
    write_pascal(tmp_path)
    path = tmp_path / FILES[name].format(TRAIN[0])
    data = path.read_bytes()
    # Pillow accepts a small JPEG without its last bytes; headers it does not.
    end = 100 if name == 'image' else len(data)
    path.write_bytes(data[: int(end * keep)])
    text = message_of(lambda: make(tmp_path)[0])
    assert str(path) in text
    assert 'unreadable' in text or 'holds no variable' in text
    assert 'write it again' in text


@pytest.mark.parametrize('compress', [True, False])
def test_mat_file_cut_anywhere_is_one_error(
    tmp_path: Path, compress: bool
) -> None:
    path = tmp_path / 'parts.mat'
    savemat(path, two_people(), do_compression=compress)
    data = path.read_bytes()
    assert read_mat(path, 'anno').dtype.names == ('imname', 'objects')
    for end in range(0, len(data), 1 if compress else 37):
        path.write_bytes(data[:end])
        assert str(path) in message_of(lambda: read_mat(path, 'anno'))


def test_mat_file_of_another_kind(tmp_path: Path) -> None:
    write_pascal(tmp_path)
    path = write_file(tmp_path, 'context', TRAIN[0], {'x': np.zeros(SIZE)})
    text = message_of(lambda: make(tmp_path, tasks=['edge'])[0])
    assert f"{path} holds no variable 'LabelMap'" in text


@pytest.mark.parametrize('task', TASKS)
def test_label_of_another_size(tmp_path: Path, task: str) -> None:
    write_pascal(tmp_path)
    name = 'context' if task == 'edge' else task
    path = write_file(tmp_path, name, TRAIN[0], stored(WIDER)[name])
    text = message_of(lambda: make(tmp_path, tasks=[task])[0])
    assert f'{task} label {path} is 12x17' in text
    other = 'class map' if task == 'normals' else 'image'
    assert f'its {other}' in text
    assert '12x16' in text


@pytest.mark.parametrize('value', [21, 254])
def test_class_outside_the_table(tmp_path: Path, value: int) -> None:
    write_pascal(tmp_path)
    semseg = stored()['semseg']
    semseg[3, 3] = value
    path = write_file(tmp_path, 'semseg', TRAIN[0], semseg)
    text = message_of(lambda: make(tmp_path)[0])
    assert f'semseg label {path} holds {value}, ' in text
    assert 'the 21 classes are stored as 0 to 20' in text


COLOURS = np.zeros((*SIZE, 3), np.uint8)
GREY = np.zeros(SIZE, np.uint8)
UNEQUAL = {'torso': ALL, 'head': ALL[1:]}


@pytest.mark.parametrize(
    ('name', 'content', 'message'),
    [
        ('semseg', COLOURS, 'write a picture of one channel'),
        ('semseg', GREY.astype(np.uint16), 'is uint16'),
        ('saliency', COLOURS, 'write a picture of one channel'),
        ('saliency', np.eye(*SIZE, dtype=np.uint8), 'holds 0, 1: here 255'),
        ('normals', GREY, 'write an RGB picture'),
        ('context', {'LabelMap': GREY + 460.0}, 'holds 0 to 460: the ids'),
        ('context', {'LabelMap': GREY - 1.0}, 'are 0 to 459'),
        (
            'context',
            {'LabelMap': COLOURS},
            'write (H, W) class ids as LabelMap',
        ),
        (
            'context',
            {'LabelMap': 'a text'},
            'write (H, W) class ids as LabelMap',
        ),
        ('human_parts', {'anno': GREY}, 'no PASCAL-Part annotation'),
        ('human_parts', {'anno': {'objects': GREY}}, 'no PASCAL-Part'),
        (
            'human_parts',
            annotation([thing(15, ALL, {'tail': ALL})]),
            "holds a part 'tail'",
        ),
        (
            'human_parts',
            annotation([thing(15, ALL, UNEQUAL)]),
            'has masks of 11x16 and 12x16',
        ),
    ],
)
def test_wrong_encoding(
    tmp_path: Path, name: str, content: object, message: str
) -> None:
    write_pascal(tmp_path)
    path = write_file(tmp_path, name, TRAIN[0], content)
    tasks = ['edge'] if name == 'context' else [name]
    text = message_of(lambda: make(tmp_path, tasks=tasks)[0])
    assert text.startswith(f'{tasks[0]} label {path}: ')
    assert message in text


def test_tasks_the_data_set_does_not_have(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"no labels for \['depth'\]"):
        make(tmp_path, tasks=['depth', 'saliency'])
