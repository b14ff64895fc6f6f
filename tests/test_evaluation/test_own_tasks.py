"""Metrics of tasks that are not built in, several of one kind."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mmseg.evaluation import IoUMetric

from mmmtl.engine.results import read_results
from mmmtl.evaluation import (
    BinaryMetric,
    BoundaryMetric,
    DepthErrorMetric,
    MultiTaskEvaluator,
    PixelEdgeMetric,
    ScalarMetric,
    SegmentationMetric,
    default_metric,
    metric_of,
    primary_key,
)
from mmmtl.evaluation.comparison import add_delta_m, choose_columns
from mmmtl.evaluation.metrics.base_task_metric import BaseTaskMetric
from mmmtl.evaluation.trivial_predictor import fit_constants
from mmmtl.registry import METRICS
from mmmtl.tasks import TASKS, get_task, register_tasks

OWN = dict(
    materials=dict(kind='classes'),
    cracks=dict(kind='binary'),
    puddles=dict(kind='binary'),
    height=dict(kind='scalar', unit='m', mean=2.0, spread=1.0),
    range=dict(kind='depth'),
)


@pytest.fixture(autouse=True)
def _own_rows() -> None:
    register_tasks(OWN)


def to_dict(**pairs: tuple[list, list]) -> dict:
    """Return a sample of one-row maps, as metrics get it."""
    sample = {}
    for task, (prediction, label) in pairs.items():
        row = get_task(task)
        for field, values, dtype in (
            (row.gt_field, label, row.kind.dtype),
            (row.pred_field, prediction, row.kind.pred_dtype),
        ):
            sample[field] = dict(data=torch.tensor([[values]]).to(dtype))
    return sample


def evaluate(evaluator: MultiTaskEvaluator, **pairs: tuple) -> dict:
    for metric in evaluator.metrics:
        metric.process(None, [to_dict(**pairs)])
    return evaluator.evaluate(1)


def test_a_recipe_without_metrics_measures_every_task_by_its_row() -> None:
    evaluator = MultiTaskEvaluator(tasks=tuple(TASKS))
    found = {(type(m).__name__, m.task) for m in evaluator.metrics}
    assert found == {(r.metric['type'], t) for t, r in TASKS.items()}
    assert default_metric('cracks') == dict(type='BinaryMetric', task='cracks')


def test_tasks_complete_and_limit_the_metrics_of_a_recipe() -> None:
    evaluator = MultiTaskEvaluator(
        [
            PixelEdgeMetric(),
            DepthErrorMetric(),
            BoundaryMetric(task='cracks', max_dist=0.01),
            dict(type='IoUMetric', prefix='semseg'),
        ],
        tasks=['cracks', 'depth', 'height'],
    )
    assert [(type(m).__name__, m.task) for m in evaluator.metrics] == [
        ('DepthErrorMetric', 'depth'),
        ('BoundaryMetric', 'cracks'),
        ('ScalarMetric', 'height'),
    ]


def test_two_class_maps_have_lists_of_their_own() -> None:
    evaluator = MultiTaskEvaluator(
        [
            SegmentationMetric(per_class=True),
            SegmentationMetric(task='materials', per_class=True),
        ]
    )
    evaluator.dataset_meta = dict(
        classes=('wall', 'floor', 'chair'),
        materials_classes=('wood', 'stone'),
    )
    found = evaluate(
        evaluator,
        semseg=([0, 1, 2, 2], [0, 1, 2, 1]),
        materials=([0, 0, 1, 1], [0, 0, 1, 255]),
    )
    # Wall 1/1, floor 1/2, chair 1/2.
    assert found['semseg/mIoU'] == pytest.approx(100 * 2 / 3)
    assert found['semseg/IoU.floor'] == 50
    assert found['materials/mIoU'] == 100
    assert found['materials/IoU.stone'] == 100


def test_convention_masks_are_compared_where_they_are_1() -> None:
    """Hits 2, predicted 3, labelled 4; the pixel without label counts not.

    IoU 2 / (3 + 4 - 2), F 4 / 7, precision 2 / 3, recall 2 / 4. A
    probability of exactly 0.5 is a hit.
    """
    found = evaluate(
        MultiTaskEvaluator(tasks=['cracks', 'puddles']),
        cracks=(
            [0.5, 0.9, 0.8, 0.4, 0.1, 0.2, 0.99],
            [1, 1, 0, 1, 1, 0, 255],
        ),
        puddles=([0.1, 0.4], [1, 0]),
    )
    assert found == pytest.approx(
        {
            'cracks/IoU': 40,
            'cracks/F': 400 / 7,
            'cracks/precision': 200 / 3,
            'cracks/recall': 50,
            **dict.fromkeys((f'puddles/{n}' for n in BinaryMetric.reports), 0),
        }
    )


def test_convention_masks_are_pooled_over_images() -> None:
    """Image 1: one hit of one. Image 2: one pixel of three found."""
    metric = BinaryMetric(task='cracks')
    metric.process(None, [to_dict(cracks=([1.0], [1]))])
    metric.process(None, [to_dict(cracks=([1.0, 0.0, 0.0], [1, 1, 1]))])
    # 2 of 4, where the mean over the images would be 2 / 3.
    assert metric.evaluate(2)['cracks/IoU'] == 50


def test_masks_without_a_single_pixel_are_refused() -> None:
    metric = BinaryMetric(task='cracks')
    metric.process(None, [to_dict(cracks=([1.0], [0]))])
    with pytest.raises(ValueError, match="labelled pixels of 'cracks' is 1"):
        metric.evaluate(1)


def test_a_scalar_is_measured_in_its_unit_and_not_clamped() -> None:
    found = evaluate(
        MultiTaskEvaluator(tasks=['height']),
        height=([-3.0, 5.0, 9.0], [1.0, 2.0, np.nan]),
    )
    # Errors 4 and 3.
    assert found == pytest.approx(
        {'height/mae': 3.5, 'height/rmse': 12.5**0.5}
    )
    assert ScalarMetric.unit_of('mae', get_task('height').kind) == 'm'
    assert metric_of('reshading', 'mae').__name__ == 'HeatMapMetric'
    assert metric_of('height', 'mae') is ScalarMetric


def test_metrics_measure_every_task_of_their_kind() -> None:
    evaluator = MultiTaskEvaluator(
        [
            DepthErrorMetric(),
            DepthErrorMetric(task='range'),
            PixelEdgeMetric(task='puddles'),
        ]
    )
    found = evaluate(
        evaluator,
        depth=([1.0], [2.0]),
        range=([3.0], [6.0]),
        puddles=([1.0, 0.0], [1, 0]),
    )
    assert found['depth/rmse'] == 1
    assert found['range/rmse'] == 3
    assert found['puddles/pixelF'] == 100


@pytest.mark.parametrize(
    ('task', 'metric'),
    [('cracks', 'SegmentationMetric'), ('materials', 'SaliencyMetric')],
)
def test_a_metric_of_another_kind_is_refused(task: str, metric: str) -> None:
    kind = OWN[task]['kind']
    with pytest.raises(ValueError, match=f"of kind '{kind}': {metric}"):
        MultiTaskEvaluator(dict(type=metric, task=task))


def test_delta_m_is_over_any_tasks() -> None:
    """Gains: IoU of masks +20, +10 percent, height -50; precision more."""
    single = dict(cracks=50.0, puddles=20.0, height=0.5)
    metrics = {
        'cracks/IoU': 60.0,
        'puddles/IoU': 22.0,
        'puddles/precision': 22.0,
        'height/mae': 0.75,
        'height/rmse': 1.0,
    }
    found = add_delta_m(metrics, single)
    assert found['delta_m'] == pytest.approx((20 + 10 - 50) / 3)
    changes = dict(height='rmse', puddles='precision')
    assert primary_key('height', changes) == 'height/rmse'
    found = add_delta_m(metrics, single, changes)
    assert found['delta_m'] == pytest.approx((20 + 10 - 100) / 3)
    columns = choose_columns([found], [changes])
    assert [column.title for column in columns] == [
        'cracks/IoU ↑',
        'puddles/precision ↑',
        'height/rmse ↓',
        'delta_m ↑',
    ]
    with pytest.raises(ValueError, match=r"in \['cracks/IoU', 'puddl"):
        MultiTaskEvaluator(tasks=['height'], single_task=single)


def test_a_row_may_name_another_figure() -> None:
    register_tasks(
        dict(
            age=dict(kind='scalar', primary='rmse'),
            veins=dict(kind='binary', primary='recall'),
        )
    )
    assert choose_columns([{'age/rmse': 1.0}])[0].title == 'age/rmse ↓'
    assert choose_columns([{'veins/recall': 1.0}])[0].title == 'veins/recall ↑'


def test_a_metric_of_its_own_brings_the_figure() -> None:
    """It lacks IoU, by which the task would be no part of delta_m."""
    metric = dict(type='BoundaryMetric', max_dist=0.01)
    register_tasks(
        dict(
            veins=dict(kind='binary', metric=metric),
            roots=dict(kind='binary', metric=metric, primary='oisF'),
            pores=dict(kind='binary', metric=dict(type='BinaryMetric')),
        )
    )
    assert primary_key('veins') == 'veins/odsF'
    assert primary_key('veins', dict(veins='F')) == 'veins/F'
    assert primary_key('roots') == 'roots/oisF'
    assert primary_key('pores') == 'pores/IoU'
    found = add_delta_m({'veins/odsF': 55.0}, dict(veins=50.0))
    assert found['delta_m'] == pytest.approx(10)


def test_a_metric_that_lists_no_figure_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Silent(BaseTaskMetric):
        pass

    monkeypatch.setitem(METRICS.module_dict, 'Silent', Silent)
    own = dict(kind='scalar', metric=dict(type='Silent'))
    register_tasks(dict(age=own))
    with pytest.raises(ValueError, match="Silent of task 'age' lists no"):
        primary_key('age')


@pytest.mark.parametrize('name', ['rmsee', '-rmse', ''])
def test_a_figure_that_nothing_reports_is_refused(name: str) -> None:
    register_tasks(dict(age=dict(kind='scalar', primary=name)))
    with pytest.raises(ValueError, match=f"'age' reports '{name}'.*rmse"):
        MultiTaskEvaluator(tasks=['age'])


def test_the_default_metric_takes_the_task_if_it_can() -> None:
    @METRICS.register_module()
    class NoTaskMetric(IoUMetric):
        pass

    metric = dict(type='NoTaskMetric')
    register_tasks(dict(veins=dict(kind='binary', metric=metric)))
    assert default_metric('veins') == metric
    METRICS.module_dict.pop('NoTaskMetric')


def test_constants_of_own_tasks() -> None:
    labels = dict(
        cracks=torch.tensor([[[0, 0, 1, 255]]]),
        # Far above what mean and spread lead to expect.
        height=torch.tensor([[[50.0, 60.0, np.nan, 70.0]]]),
    )
    # Only what the predictor asks of a sample.
    sample = SimpleNamespace(has_gt=labels.__contains__, get_gt=labels.get)
    found = fit_constants([sample], ['cracks', 'height'])
    assert found['cracks'].tolist() == [[[1.0]]]
    assert found['height'].item() == pytest.approx(60, rel=0.005)


def test_results_bring_the_rows_of_their_tasks(tmp_path: Path) -> None:
    path = tmp_path / 'results.json'
    rows = dict(
        moss=dict(kind='binary'), taste=dict(kind='of_a_module_not_here')
    )
    content = {
        'metrics': {'moss/F': 50.0, 'moss/IoU': 30.0, 'taste/mae': 1.0},
        'primary': {'moss': 'F'},
        'new_tasks': rows,
    }
    path.write_text(json.dumps(content))
    read = read_results(path)
    columns = choose_columns([read['metrics']], [read['primary']])
    assert [column.key for column in columns] == ['moss/F']
