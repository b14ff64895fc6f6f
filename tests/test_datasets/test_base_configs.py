"""The data configs of Taskonomy, its relatives and Cityscapes."""

from __future__ import annotations

from pathlib import Path

import pytest
from mmengine.config import Config

from mmmtl.datasets.rooms.classes import CLASSES, PALETTE
from mmmtl.registry import DATASETS, METRICS, build_in_scope
from mmmtl.structures import get_task_spec
from tests.test_datasets.cityscapes_folder import write_cityscapes
from tests.test_datasets.taskonomy_folder import write_taskonomy

SIZE = (24, 32)


def load(repo_root: Path, name: str) -> Config:
    return Config.fromfile(repo_root / f'configs/_base_/datasets/{name}.py')


@pytest.mark.parametrize('part', ['train', 'val', 'test'])
@pytest.mark.parametrize('name', ['taskonomy', 'cityscapes'])
def test_pipelines_give_all_labels(
    repo_root: Path, tmp_path: Path, name: str, part: str
) -> None:
    config = load(repo_root, name)
    settings = config[f'{part}_dataloader'].dataset
    settings.data_root = str(tmp_path)
    if name == 'taskonomy':
        write_taskonomy(tmp_path, size=SIZE)
        lists = tmp_path / 'splits'
        (lists / 'test.txt').write_text((lists / 'val.txt').read_text())
        settings.split_root = str(lists)
    else:
        write_cityscapes(tmp_path, SIZE)
    packed = build_in_scope(DATASETS, settings)[0]
    wanted = tuple(config.crop_size) if part == 'train' else SIZE
    assert packed['inputs'].shape[1:] == wanted
    for task in config.tasks:
        label = packed['data_samples'].get_gt(task)
        assert label.shape == (get_task_spec(task).label_channels, *wanted)


@pytest.mark.parametrize('part', ['train', 'val', 'test'])
@pytest.mark.parametrize(
    ('name', 'classes'),
    [
        ('taskonomy', 17),
        ('replica', 101),
        ('rooms-taskonomy', 15),
        ('cityscapes', 19),
    ],
)
def test_arguments_fit(
    repo_root: Path, name: str, classes: int, part: str
) -> None:
    settings = load(repo_root, name)[f'{part}_dataloader'].dataset
    dataset = build_in_scope(DATASETS, dict(settings, lazy_init=True))
    assert len(dataset.metainfo['classes']) == classes
    assert len(dataset.metainfo['palette']) == classes


def test_cocodoom_takes_its_classes_from_the_folder(
    repo_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    config = load(repo_root, 'cocodoom')
    settings = config.train_dataloader.dataset
    names = tmp_path / settings.metainfo.classes
    names.parent.mkdir(parents=True)
    names.write_text('background\nPLAYER\n')
    dataset = build_in_scope(DATASETS, dict(settings, lazy_init=True))
    assert dataset.metainfo['classes'] == ['background', 'PLAYER']


@pytest.mark.parametrize(
    'name',
    ['taskonomy', 'replica', 'cocodoom', 'rooms-taskonomy', 'cityscapes'],
)
def test_every_task_has_a_metric(repo_root: Path, name: str) -> None:
    config = load(repo_root, name)
    metrics = [
        build_in_scope(METRICS, m) for m in config.val_evaluator.metrics
    ]
    assert [metric.task for metric in metrics] == config.tasks


@pytest.mark.parametrize('name', ['taskonomy', 'cityscapes'])
def test_every_task_has_a_loss_and_a_weight(
    repo_root: Path, name: str
) -> None:
    outputs = Config.fromfile(repo_root / f'configs/_base_/tasks/{name}.py')
    config = load(repo_root, name)
    assert list(outputs.task_outputs) == config.tasks
    assert set(outputs.loss_weighting.weights) == set(config.tasks)
    settings = dict(config.train_dataloader.dataset, lazy_init=True)
    dataset = build_in_scope(DATASETS, settings)
    found = outputs.task_outputs.semseg.out_channels
    assert found == len(dataset.metainfo['classes'])


def test_rooms_have_the_classes_of_the_renderer(repo_root: Path) -> None:
    config = load(repo_root, 'rooms-taskonomy')
    for part in ('train', 'val', 'test'):
        metainfo = config[f'{part}_dataloader'].dataset.metainfo
        assert tuple(metainfo.classes) == CLASSES
        assert tuple(map(tuple, metainfo.palette)) == PALETTE
