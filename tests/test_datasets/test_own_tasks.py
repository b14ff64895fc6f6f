"""Data sets of tasks that were added from outside."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from mmmtl.tasks import TASKS, register_tasks, task
from tests.test_datasets.own_tasks import OwnDataset

PIPELINE = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadMultiTaskAnnotations'),
    dict(type='MultiTaskRandomFlip', prob=1.0),
    dict(type='MultiTaskCenteredPad', size=(2, 4)),
]
CRACKS = [[0, 255, 255], [0, 0, 255]]
TILT = [[1, 2, 3], [4, np.nan, 6]]


@pytest.fixture
def _own_rows(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    known, fields = dict(task._TABLE), dict(task._FIELDS)
    register_tasks(dict(cracks=dict(kind='binary'), tilt=dict(kind='tilted')))
    yield
    task._TABLE.clear()
    task._TABLE.update(known)
    task._FIELDS.clear()
    task._FIELDS.update(fields)


def write(root: Path) -> None:
    for folder in ('rgb', 'cracks', 'tilt'):
        (root / folder).mkdir()
    cv2.imwrite(str(root / 'rgb/a.png'), np.zeros((2, 3, 3), np.uint8))
    cv2.imwrite(str(root / 'cracks/a.png'), np.array(CRACKS, np.uint8))
    np.save(root / 'tilt/a.npy', np.array(TILT, np.float32))
    (root / 'train.txt').write_text('a\n')


def labels_of(sample: dict) -> dict[str, list]:
    return {name: map_.tolist() for name, map_ in sample['labels'].items()}


def first(samples: list[dict]) -> dict:
    return dict(labels=samples[0]['labels'], known=list(TASKS))


@pytest.mark.usefixtures('_own_rows')
def test_a_spawned_worker_learns_the_tasks_from_the_data_set(
    tmp_path: Path,
) -> None:
    write(tmp_path)
    dataset = OwnDataset(
        tmp_path, split='train', tasks=None, pipeline=PIPELINE
    )
    loader = DataLoader(
        dataset,
        num_workers=1,
        multiprocessing_context='spawn',
        collate_fn=first,
    )
    found = next(iter(loader))
    assert found['known'][-2:] == ['cracks', 'tilt']
    assert labels_of(found)['cracks'] == [[1, 1, 0, 255], [1, 0, 0, 255]]
    np.testing.assert_equal(
        found['labels']['tilt'],
        np.array([[-3, -2, -1, np.nan], [-6, np.nan, -4, np.nan]], np.float32),
    )


@pytest.mark.usefixtures('_own_rows')
def test_own_tasks_are_packed_as_their_kinds_say(tmp_path: Path) -> None:
    write(tmp_path)
    dataset = OwnDataset(
        tmp_path,
        split='train',
        tasks=None,
        pipeline=[*PIPELINE, dict(type='PackMultiTaskInputs')],
    )
    sample = dataset[0]['data_samples']
    cracks, tilt = sample.get_gt('cracks'), sample.get_gt('tilt')
    assert (cracks.dtype, tilt.dtype) == (torch.int64, torch.float32)
    assert cracks.tolist() == [[[1, 1, 0, 255], [1, 0, 0, 255]]]
    want = [[[-3, -2, -1, np.nan], [-6, np.nan, -4, np.nan]]]
    np.testing.assert_equal(tilt.numpy(), np.array(want, np.float32))
    assert sample.metainfo['padding_size'] == (0, 1, 0, 0)
