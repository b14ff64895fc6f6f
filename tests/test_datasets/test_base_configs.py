"""The data configs of Taskonomy, its relatives and Cityscapes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from mmengine.config import Config
from PIL import Image

from mmmtl.registry import DATASETS, METRICS, build_in_scope
from mmmtl.rooms.classes import CLASSES, PALETTE
from mmmtl.tasks import get_task
from tests.test_datasets.cityscapes_folder import write_cityscapes
from tests.test_datasets.taskonomy_folder import (
    SIZE,
    holes,
    stored_arrays,
    write_taskonomy,
)
from tests.test_datasets.test_taskonomy.test_relatives import VIEW, panoptic
from tests.test_datasets.test_taskonomy.test_relatives import (
    write as write_view,
)


def load(repo_root: Path, name: str) -> Config:
    return Config.fromfile(repo_root / f'configs/_base_/datasets/{name}.py')


def write_set(root: Path, name: str) -> None:
    """Write a small folder of a data set, with its lists in `splits`."""
    if name == 'cityscapes':
        write_cityscapes(root, SIZE)
        return
    if name == 'taskonomy':
        write_taskonomy(root)
    else:
        ids = stored_arrays()['semseg']
        write_view(root, name, panoptic(ids) if name == 'replica' else ids)
    if name == 'cocodoom':
        # The 17 classes of the stored ids, and the holes of reshading.
        names = ['background', *(f'kind {n}' for n in range(16))]
        (root / 'classes.txt').write_text('\n'.join(names))
        path = root / f'mask_valid/{name}/{VIEW}_domain_mask_valid.png'
        path.parent.mkdir(parents=True)
        Image.fromarray(np.uint8(255) * ~holes()).save(path)
    lists = root / 'splits'
    for split in ('val', 'test'):
        (lists / f'{split}.txt').write_text((lists / 'train.txt').read_text())


@pytest.mark.parametrize('part', ['train', 'val', 'test'])
@pytest.mark.parametrize(
    ('name', 'train_size'),
    [
        ('taskonomy', (512, 512)),
        ('replica', (512, 512)),
        ('cocodoom', SIZE),  # trained on as they are
        ('cityscapes', (512, 1024)),
    ],
)
def test_pipelines_give_all_labels(
    repo_root: Path,
    tmp_path: Path,
    name: str,
    train_size: tuple[int, int],
    part: str,
) -> None:
    config = load(repo_root, name)
    settings = config[f'{part}_dataloader'].dataset
    settings.data_root = str(tmp_path)
    write_set(tmp_path, name)
    if name != 'cityscapes':
        settings.split_root = str(tmp_path / 'splits')
    if name == 'cocodoom':
        settings.metainfo.classes = str(tmp_path / 'classes.txt')
    packed = build_in_scope(DATASETS, settings)[0]
    wanted = train_size if part == 'train' else SIZE
    assert packed['inputs'].shape[1:] == wanted
    for task in config.tasks:
        label = packed['data_samples'].get_gt(task)
        assert label.shape == (get_task(task).kind.components, *wanted)


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
    for output in outputs.task_outputs.values():
        assert {'loss', 'weight'} <= set(output)
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
