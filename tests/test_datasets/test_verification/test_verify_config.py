"""The data sets that a config names are verified, of any class."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from mmmtl.datasets.folder.encodings import parse_axes
from mmmtl.datasets.verification.plausibility import Remedy
from mmmtl.datasets.verification.verify import verify_config
from mmmtl.errors import DatasetError
from mmmtl.registry import DATASETS
from mmmtl.tasks import task
from tests.test_datasets.own_tasks import OwnDataset


@pytest.fixture(autouse=True)
def _own_rows() -> Iterator[None]:
    known, fields = dict(task._TABLE), dict(task._FIELDS)
    yield
    task._TABLE.clear()
    task._TABLE.update(known)
    task._FIELDS.clear()
    task._FIELDS.update(fields)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    generator = np.random.default_rng(0)
    for name in ('rgb', 'cracks', 'tilt'):
        (tmp_path / name).mkdir()
    for sample_id in 'abcdef':
        picture = generator.integers(0, 255, (6, 8, 3), np.uint8)
        Image.fromarray(picture).save(tmp_path / f'rgb/{sample_id}.png')
        mask = np.zeros((6, 8), np.uint8)
        mask[2] = 255
        Image.fromarray(mask).save(tmp_path / f'cracks/{sample_id}.png')
        np.save(tmp_path / f'tilt/{sample_id}.npy', picture[..., 0] / 100)
    (tmp_path / 'train.txt').write_text('a\nb\nc\nd\n')
    (tmp_path / 'val.txt').write_text('e\nf\n')
    return tmp_path


def config_of(root: Path, **changes: Any) -> dict:
    shared = dict(
        type='FolderDataset',
        data_root=str(root),
        tasks=['cracks', 'tilt'],
        pipeline=[dict(type='LoadImageFromFile')],
        image='rgb/{}.png',
        labels=dict(cracks='cracks/{}.png', tilt='tilt/{}.npy'),
        splits=dict(train='train.txt', val='val.txt'),
    )
    shared.update(changes)
    train = dict(shared, split='train', indices=1)
    return dict(
        new_tasks=dict(
            cracks=dict(kind='binary'), tilt=dict(kind='tilted', high=3.0)
        ),
        train_dataloader=dict(
            dataset=dict(type='ConcatDataset', datasets=[train])
        ),
        val_dataloader=dict(dataset=dict(shared, split='val')),
        test_dataloader=dict(dataset=dict(shared, split='val')),
    )


def found(rows: list[dict]) -> dict[tuple[str, str], list[str]]:
    return {(row['kind'], row['task']): row['files'] for row in rows}


def test_a_folder_without_fault(folder: Path) -> None:
    report = verify_config(config_of(folder))
    assert report['ok'], report['problems']
    assert report['samples'] == {'train': 4, 'val': 2}
    assert report['dataset'] == 'FolderDataset'
    assert report['tasks'] == ['cracks', 'tilt']
    assert report['statistics']['cracks']['counts'] == {0: 240, 1: 48}


def test_a_run_of_a_few_samples_is_no_data_set_of_its_own(
    folder: Path,
) -> None:
    config = config_of(folder)
    config['test_dataloader']['dataset']['indices'] = 1
    assert verify_config(config)['samples'] == {'train': 4, 'val': 2}


@pytest.mark.parametrize(
    ('axes', 'found_frame', 'stated'),
    [
        (
            'left up towards',
            'x right, y down, z forward',
            'x left, y up, z towards the camera',
        ),
        (
            'towards right up',
            'x forward, y left, z down',
            'x towards the camera, y right, z up',
        ),
    ],
)
def test_wrong_axes_are_named_as_they_have_to_be_stated(
    folder: Path, axes: str, found_frame: str, stated: str
) -> None:
    """The files hold the opposite of what the config says."""
    (folder / 'n').mkdir()
    ours = dict(right=0.0, down=-0.6, forward=-0.8)
    ours |= dict(left=0.0, up=0.6, towards=0.8)
    normals = np.empty((6, 8, 3), np.float32)
    normals[:] = [-ours[word] for word in axes.split()]
    normals[0] *= [[1.0]] * 8
    for sample_id in 'abcdef':
        np.save(folder / f'n/{sample_id}.npy', normals)
    row = dict(path='n/{}.npy', axes=axes)
    config = config_of(folder, tasks=['normals'], labels=dict(normals=row))
    (text,) = (
        r['example']
        for r in verify_config(config)['problems']
        if r['kind'] == 'facing away'
    )
    assert f"the opposite of the layout's, which is {stated}" in text
    remedy = Remedy((0, 1, 2), (-1, -1, -1))
    assert remedy.stored_frame(parse_axes('normals', axes)) == found_frame


def test_faults_are_named_in_several_processes(folder: Path) -> None:
    (folder / 'cracks/b.png').unlink()
    (folder / 'tilt/e.npy').write_bytes(b'x')
    np.save(folder / 'tilt/a.npy', np.full((6, 8), 9.0) + np.eye(6, 8))
    mask = np.ones((6, 8), np.uint8)
    mask[0] = 0
    Image.fromarray(mask).save(folder / 'cracks/c.png')
    (folder / 'rgb/f.png').write_bytes((folder / 'rgb/d.png').read_bytes())
    report = verify_config(config_of(folder), workers=2)
    assert found(report['problems']) == {
        ('missing', 'cracks'): ['cracks/b.png'],
        ('unreadable', 'tilt'): ['tilt/e.npy'],
        ('overlap', 'image'): ['rgb/f.png'],
    }
    assert found(report['notes']) == {
        ('odd', 'cracks'): ['cracks/c.png'],
        ('odd', 'tilt'): ['tilt/a.npy'],
    }


def test_a_mask_that_never_shows_anything_is_a_problem(folder: Path) -> None:
    for sample_id in 'abcde':
        blank = Image.fromarray(np.zeros((6, 8), np.uint8))
        blank.save(folder / f'cracks/{sample_id}.png')
    assert verify_config(config_of(folder))['ok']
    blank.save(folder / 'cracks/f.png')
    report = verify_config(config_of(folder))
    assert found(report['problems']) == {
        ('constant', 'cracks'): ['cracks/a.png']
    }


def test_a_class_of_ones_own(folder: Path) -> None:
    DATASETS.register_module(name='OwnDataset', module=OwnDataset)
    config = config_of(folder)
    for part in ('val', 'test'):
        row = config[f'{part}_dataloader']['dataset']
        for key in ('image', 'labels', 'splits'):
            del row[key]
        row['type'] = 'OwnDataset'
    try:
        report = verify_config(config, splits=['val'], tasks=['tilt'])
    finally:
        del DATASETS._module_dict['OwnDataset']
    assert report['dataset'] == 'OwnDataset'
    assert report['samples'] == {'val': 2}
    assert report['tasks'] == ['tilt']


def test_what_cannot_be_verified_is_refused(folder: Path) -> None:
    with pytest.raises(ValueError, match='no data set'):
        verify_config(config_of(folder), splits=['test'])
    with pytest.raises(DatasetError, match=r'gone.txt is missing'):
        verify_config(config_of(folder, splits=dict(train='gone.txt')))
    plain = dict(type='BaseSegDataset')
    with pytest.raises(ValueError, match='no BaseMultiTaskDataset'):
        verify_config(dict(train_dataloader=dict(dataset=plain)))
