"""A multi-task config reduced to one task."""

from __future__ import annotations

from pathlib import Path

import pytest
from mmengine.config import Config

from mmmtl.engine.config_file import load_config
from mmmtl.engine.single_task_config import (
    comparable_tasks,
    single_task_config,
)
from mmmtl.engine.user_errors import UserError
from mmmtl.registry import MODELS, build_in_scope

BASELINES = Path(__file__).parents[2] / 'configs/baselines'
SINGLES = sorted(path.stem for path in BASELINES.glob('fcn-single_*.py'))


@pytest.fixture
def rooms(repo_root: Path) -> Config:
    config = load_config(repo_root / 'configs/demt/demt_swin-t_rooms.py')
    config.model.backbone.init_cfg = None
    config.test_evaluator = dict(
        type='MultiTaskEvaluator',
        metrics=[
            dict(type='SegmentationMetric'),
            dict(type='DepthErrorMetric'),
            dict(type='NormalsMetric'),
            dict(type='PixelEdgeMetric'),
        ],
    )
    return config


def test_tasks_without_their_primary_metric_do_not_count(
    rooms: Config,
) -> None:
    """PixelEdgeMetric measures pixelF, not odsF."""
    assert comparable_tasks(rooms) == (
        ['semseg', 'depth', 'normals'],
        ['edge'],
    )


def test_every_part_is_reduced(rooms: Config) -> None:
    before = rooms.pretty_text
    single = single_task_config(rooms, 'depth')
    assert rooms.pretty_text == before
    assert single.tasks == ['depth']
    model = build_in_scope(MODELS, single.model)
    assert model.tasks == ('depth',)
    assert list(model.neck.mixers) == ['depth']
    assert single.model.decode_head.tasks.depth.initial_bias == 3.4
    for loader in ('train_dataloader', 'val_dataloader', 'test_dataloader'):
        assert single[loader].dataset.tasks == ['depth']
    assert single.test_evaluator == dict(
        type='MultiTaskEvaluator', metrics=[dict(type='DepthErrorMetric')]
    )
    # What is not about tasks stays.
    assert single.optim_wrapper == rooms.optim_wrapper


@pytest.mark.parametrize('single', SINGLES)
def test_equals_the_single_task_baseline(single: str) -> None:
    """The baselines' own files say the same."""
    file = load_config(BASELINES / f'{single}.py')
    (task,) = file.tasks
    multi = single.removesuffix(f'-{task.replace("_", "-")}')
    multi = multi.replace('single', 'multi')
    reduced = single_task_config(load_config(BASELINES / f'{multi}.py'), task)
    assert reduced.model == file.model
    assert reduced.train_dataloader == file.train_dataloader
    assert reduced.test_dataloader == file.test_dataloader
    assert reduced.optim_wrapper == file.optim_wrapper
    assert reduced.test_evaluator == file.test_evaluator


def test_result_survives_the_file(rooms: Config, tmp_path: Path) -> None:
    single = single_task_config(rooms, 'semseg')
    path = tmp_path / 'config.py'
    path.write_text(single.pretty_text)
    assert load_config(path).to_dict() == single.to_dict()


def test_of_several_data_sets_those_with_the_task_stay(
    repo_root: Path,
) -> None:
    folder = repo_root / 'configs/baselines'
    mixed = load_config(folder / 'fcn-multi_swin-t_rooms-mixed.py')
    single = single_task_config(mixed, 'depth')
    (kept,) = single.train_dataloader.dataset.datasets
    assert kept.data_root == 'data/rooms-geometry'
    assert kept.tasks == ['depth']
    mixed.train_dataloader.dataset.datasets.pop()
    with pytest.raises(UserError, match=r"dataset\.datasets has 'depth'"):
        single_task_config(mixed, 'depth')


def test_unknown_task_is_refused(rooms: Config) -> None:
    with pytest.raises(UserError, match="has no 'saliency'"):
        single_task_config(rooms, 'saliency')


def test_data_set_without_the_task_is_refused(rooms: Config) -> None:
    rooms.val_dataloader.dataset.tasks = ['depth']
    with pytest.raises(UserError, match=r'val_dataloader\.dataset\.tasks='):
        single_task_config(rooms, 'semseg')


@pytest.mark.parametrize('leaf', ['sca_hrnet18_nyud', 'sca_hrnet18_nyud-aux'])
def test_head_that_needs_two_tasks_is_refused(
    repo_root: Path, leaf: str
) -> None:
    config = load_config(repo_root / f'configs/sca/{leaf}.py')
    with pytest.raises(
        UserError,
        match=r'SequentialCrossAttentionHead: this head needs two tasks; '
        r'single-task results come from configs/baselines/fcn-single_\*',
    ):
        single_task_config(config, 'depth')


def test_auxiliary_tasks_are_refused(rooms: Config) -> None:
    rooms.model.decode_head.auxiliary_tasks = dict(saliency={})
    with pytest.raises(UserError, match=r"auxiliary_tasks=\['saliency'\]: "):
        single_task_config(rooms, 'depth')
