"""A multi-task config reduced to one task."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from mmengine.config import Config

from mmmtl.engine.config import load_config
from mmmtl.engine.single_task_config import (
    comparable_tasks,
    plain_head_config,
    primary_changes,
    single_task_config,
)
from mmmtl.errors import UserError
from mmmtl.registry import EVALUATOR, MODELS, build_in_scope


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


def test_learned_weights_are_those_of_the_task_left(repo_root: Path) -> None:
    config = load_config(repo_root / 'configs/mult/mult_swin-t_nyud.py')
    config.model.backbone.init_cfg = None
    model = build_in_scope(MODELS, single_task_config(config, 'depth').model)
    assert list(model.loss_weighting.log_variances) == ['depth']


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
        r'give --plain-head for a model with a plain head in its place',
    ):
        single_task_config(config, 'depth')


def test_auxiliary_tasks_are_refused(rooms: Config) -> None:
    rooms.model.decode_head.auxiliary_tasks = dict(saliency={})
    with pytest.raises(UserError, match=r"auxiliary_tasks=\['saliency'\]: "):
        single_task_config(rooms, 'depth')


@pytest.mark.parametrize(
    ('leaf', 'task', 'channels'),
    [
        ('sca_hrnet18_nyud', 'depth', 1),
        ('sca_hrnet18_nyud-aux', 'semseg', 40),
        ('sca_hrnet18_pascal-context-3task', 'saliency', 1),
    ],
)
def test_plain_head_is_the_authors_single_task_model(
    repo_root: Path, leaf: str, task: str, channels: int
) -> None:
    """270 -> 270, norm, 270 -> K; released with 270 biases more.

    Everything else is the recipe of the multi-task model.
    """
    config = load_config(repo_root / f'configs/sca/{leaf}.py')
    config.model.backbone.init_cfg = None
    single = single_task_config(plain_head_config(config), task)
    assert single.train_dataloader.dataset.tasks == [task]
    assert 'neck' not in single.model
    for key in ('pipeline', 'type', 'split'):
        assert (
            single.train_dataloader.dataset[key]
            == config.train_dataloader.dataset[key]
        )
    model = build_in_scope(MODELS, single.model)
    assert model.tasks == (task,)
    count = sum(p.numel() for p in model.decode_head.parameters())
    assert count == 270 * 270 + 2 * 270 + 271 * channels
    assert model.test_cfg['class_resize'] == 'nearest'
    # The original is untouched.
    assert config.model.decode_head.type == 'SequentialCrossAttentionHead'


def test_plain_head_is_concatenation_and_two_convolutions(
    repo_root: Path,
) -> None:
    config = load_config(repo_root / 'configs/sca/sca_hrnet18_nyud.py')
    config.model.backbone.init_cfg = None
    single = single_task_config(plain_head_config(config), 'semseg')
    model = build_in_scope(MODELS, single.model).eval()
    levels = [
        torch.randn(1, width, 8 // 2**i, 8 // 2**i)
        for i, width in enumerate((18, 36, 72, 144))
    ]
    joined = torch.cat(
        [F.interpolate(x, (8, 8), mode='bilinear') for x in levels], 1
    )
    head = model.decode_head.decoders['semseg'].head
    (block,) = head.convs
    hidden = F.conv2d(joined, block.conv.weight) / (1 + 1e-5) ** 0.5
    want = F.conv2d(hidden.relu(), head.conv_seg.weight, head.conv_seg.bias)
    found = model.decode_head(levels)['semseg']
    assert torch.allclose(found, want, atol=1e-5)


def test_primary_metrics_of_the_recipe_go_with_it(repo_root: Path) -> None:
    config = load_config(
        repo_root / 'configs/sca/sca_hrnet18_pascal-context-3task.py'
    )
    assert primary_changes(config) == dict(saliency='mIoU')
    tasks = ['semseg', 'human_parts', 'saliency']
    assert comparable_tasks(config) == (tasks, [])
    plain = plain_head_config(config)
    saliency = single_task_config(plain, 'saliency')
    assert saliency.test_evaluator.primary == dict(saliency='mIoU')
    assert 'primary' not in single_task_config(plain, 'semseg').test_evaluator
    # Where the metric does not measure it, saliency does not count.
    config.test_evaluator.metrics[2] = dict(type='SaliencyMetric')
    assert comparable_tasks(config) == (tasks[:2], ['saliency'])


@pytest.mark.parametrize(
    'metrics', [{}, dict(metrics=[dict(type='DepthErrorMetric')])]
)
def test_evaluators_may_name_tasks_in_place_of_metrics(
    rooms: Config, metrics: dict
) -> None:
    tasks = ['semseg', 'depth', 'edge']
    rooms.test_evaluator = dict(
        type='MultiTaskEvaluator', tasks=tasks, **metrics
    )
    assert comparable_tasks(rooms) == (tasks, ['normals'])
    for task, metric in (('edge', 'BoundaryMetric'), ('depth', 'DepthError')):
        single = single_task_config(rooms, task).test_evaluator
        (built,) = build_in_scope(EVALUATOR, single).metrics
        assert type(built).__name__.startswith(metric)
        assert built.task == task


def test_evaluators_may_be_left_out(repo_root: Path, tmp_path: Path) -> None:
    path = tmp_path / 'config.py'
    path.write_text(
        f"_base_ = '{repo_root}/configs/demt/demt_swin-t_rooms.py'\n"
        "test_evaluator = dict(_delete_=True, type='MultiTaskEvaluator')\n"
    )
    config = load_config(path)
    tasks = ['semseg', 'depth', 'normals', 'edge']
    assert comparable_tasks(config) == (tasks, [])
    evaluator = single_task_config(config, 'semseg').test_evaluator
    assert evaluator['metrics'] == [
        dict(type='SegmentationMetric', task='semseg')
    ]


def test_plain_head_starts_where_the_tasks_start(rooms: Config) -> None:
    single = single_task_config(plain_head_config(rooms), 'depth')
    head = build_in_scope(MODELS, single.model.decode_head)
    assert head.decoders['depth'].initial_bias == 3.4


def test_necks_before_the_methods_own_stay(repo_root: Path) -> None:
    """All of them with one task; a plain head reads what the last one read."""
    config = load_config(
        repo_root / 'configs/demt/demt_efficientnet-lite0_rooms.py'
    )
    projection, mixer = single_task_config(config, 'depth').model.neck
    assert projection == config.model.neck[0]
    assert mixer.tasks == ['depth']
    plain = plain_head_config(config)
    assert plain.model.neck == [config.model.neck[0]]
    assert plain.model.decode_head.in_channels == [24, 48, 96, 192]
