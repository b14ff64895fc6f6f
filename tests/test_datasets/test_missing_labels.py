"""A data set of which samples may lack label files."""

from __future__ import annotations

from pathlib import Path

import pytest

from mmmtl.datasets import NYUDv2Dataset
from mmmtl.errors import DatasetError
from tests.test_datasets.nyud_folder import FILES, write_nyud

TASKS = ['semseg', 'depth', 'normals', 'edge']
PIPELINE = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadMultiTaskAnnotations'),
    dict(type='MultiTaskRandomScale', ratio_range=(0.5, 2.0)),
    dict(type='MultiTaskRandomCrop', crop_size=(8, 8), cat_max_ratio=0.75),
    dict(type='MultiTaskRandomFlip', prob=0.5),
    dict(type='MultiTaskCenteredPad', size=(8, 8)),
    dict(type='PackMultiTaskInputs'),
]


def make(root: Path, *, allow: bool = True) -> NYUDv2Dataset:
    return NYUDv2Dataset(
        root,
        split='train',
        tasks=TASKS,
        pipeline=PIPELINE,
        serialize_data=False,
        allow_missing_labels=allow,
    )


def remove(root: Path, task: str, sample_id: str) -> None:
    (root / FILES[task].format(sample_id)).unlink()


def test_a_sample_has_the_fields_of_its_files(tmp_path: Path) -> None:
    write_nyud(tmp_path)
    remove(tmp_path, 'semseg', '0001')
    remove(tmp_path, 'depth', '0004')
    remove(tmp_path, 'normals', '0004')
    dataset = make(tmp_path)
    assert dataset.tasks == tuple(TASKS)
    found = [
        {task for task in TASKS if item['data_samples'].has_gt(task)}
        for item in (dataset[0], dataset[1])
    ]
    assert found == [{'depth', 'normals', 'edge'}, {'semseg', 'edge'}]


def test_without_the_option_a_missing_file_is_refused(tmp_path: Path) -> None:
    write_nyud(tmp_path)
    remove(tmp_path, 'semseg', '0001')
    with pytest.raises(DatasetError, match=r'1 of 10 files are missing'):
        make(tmp_path, allow=False)


def test_a_task_that_no_sample_has_is_refused(tmp_path: Path) -> None:
    write_nyud(tmp_path)
    for sample_id in ('0001', '0004'):
        remove(tmp_path, 'depth', sample_id)
    with pytest.raises(DatasetError, match=r'2 of 2 files.*depth/0001'):
        make(tmp_path)


def test_a_missing_image_is_refused_still(tmp_path: Path) -> None:
    write_nyud(tmp_path)
    remove(tmp_path, 'image', '0004')
    with pytest.raises(DatasetError, match=r'images/0004\.png'):
        make(tmp_path)
