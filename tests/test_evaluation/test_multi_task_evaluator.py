"""All metrics at once, and delta_m."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mmmtl.evaluation import (
    DepthErrorMetric,
    MultiTaskEvaluator,
    PixelEdgeMetric,
    SaliencyMetric,
    metric_of,
    primary_key,
    primary_metric,
    primary_metrics,
)
from mmmtl.evaluation.functional import delta_m
from mmmtl.evaluation.metrics import BaseTaskMetric
from mmmtl.registry import EVALUATOR, METRICS, build_in_scope
from mmmtl.structures import MultiTaskDataSample
from mmmtl.tasks import TASKS as ALL_TASKS
from tests.test_evaluation.metric_cases import CASES, draw_pairs, to_sample

TASKS = ('semseg', 'depth', 'normals', 'edge')
CONFIGS = [CASES[task].config for task in TASKS]
LOWER = ('depth', 'normals')
# mIoU, RMSE, mean angle, odsF.
SINGLE = dict(semseg=40.0, depth=0.5, normals=20.0, edge=80.0)


def joint_samples() -> list[MultiTaskDataSample]:
    samples = []
    pairs = zip(*(draw_pairs(CASES[task], 3) for task in TASKS), strict=True)
    for parts in pairs:
        sample = MultiTaskDataSample()
        for task, pair in zip(TASKS, parts, strict=True):
            single = to_sample(task, pair)
            sample.set_gt(task, single.get_gt(task))
            sample.set_pred(task, single.get_pred(task))
        samples.append(sample)
    return samples


@pytest.mark.parametrize(
    ('row', 'mean_gain'),
    [
        # Gains of 5, 2, 5 and 0 percent.
        (dict(semseg=42.0, depth=0.49, normals=19.0, edge=80.0), 3.0),
        # -5, -2, -5 and -2.5 percent.
        (dict(semseg=38.0, depth=0.51, normals=21.0, edge=78.0), -3.625),
    ],
)
def test_delta_m_is_the_mean_gain(
    row: dict[str, float], mean_gain: float
) -> None:
    assert delta_m(row, SINGLE, LOWER) == pytest.approx(mean_gain)


def test_delta_m_of_other_tasks_is_refused() -> None:
    with pytest.raises(ValueError, match='same tasks on both sides'):
        delta_m({'depth': 1.0}, SINGLE, LOWER)


def test_every_task_has_a_primary_metric() -> None:
    figures = primary_metrics()
    assert figures.keys() == ALL_TASKS.keys()
    assert primary_key('edge') == 'edge/odsF'
    assert {t for t, row in figures.items() if row.lower_is_better} == {
        'depth',
        'normals',
        'reshading',
        'keypoints2d',
        'edges2d',
    }


def test_all_metrics_run_and_delta_m_is_their_mean_gain() -> None:
    single = dict(semseg=20.0, depth=4.0, normals=30.0)
    evaluator = build_in_scope(
        EVALUATOR,
        dict(type='MultiTaskEvaluator', metrics=CONFIGS, single_task=single),
    )
    evaluator.process(joint_samples())
    scores = evaluator.evaluate(3)
    want = {
        f'{task}/{name}' for task in TASKS for name in CASES[task].ideal
    } | {'delta_m'}
    assert scores.keys() == want
    gain = (
        (scores['semseg/mIoU'] / 20 - 1)
        + (1 - scores['depth/rmse'] / 4)
        + (1 - scores['normals/mean_err'] / 30)
    )
    assert scores['delta_m'] == pytest.approx(100 * gain / 3)


def test_without_single_task_there_is_no_delta_m() -> None:
    evaluator = MultiTaskEvaluator(dict(type='DepthErrorMetric'))
    evaluator.process([to_sample('depth', draw_pairs(CASES['depth'], 1)[0])])
    assert evaluator.evaluate(1).keys() == {
        f'depth/{name}' for name in DepthErrorMetric.reports
    }


def test_metric_of_mmseg_runs_beside_ours() -> None:
    """Its names are known after the run only, and are checked then."""
    foreign = dict(type='IoUMetric', prefix='semseg')
    evaluator = MultiTaskEvaluator(
        [foreign, dict(type='DepthErrorMetric')],
        single_task=dict(semseg=20.0, depth=4.0),
    )
    evaluator.dataset_meta = dict(classes=('a', 'b', 'c', 'd'))
    evaluator.process(joint_samples())
    scores = evaluator.evaluate(3)
    ours = MultiTaskEvaluator(CONFIGS[0])
    ours.process(joint_samples())
    # mmseg rounds to two digits.
    assert scores['semseg/mIoU'] == pytest.approx(
        ours.evaluate(3)['semseg/mIoU'], abs=0.006
    )
    assert 'delta_m' in scores
    evaluator = MultiTaskEvaluator([foreign], single_task=dict(depth=4.0))
    evaluator.dataset_meta = dict(classes=('a', 'b', 'c', 'd'))
    evaluator.process(joint_samples())
    with pytest.raises(ValueError, match='same tasks on both sides'):
        evaluator.evaluate(3)


def test_two_metrics_of_one_name_are_refused() -> None:
    with pytest.raises(ValueError, match=r'depth/rmse.*more than once'):
        MultiTaskEvaluator([DepthErrorMetric(), DepthErrorMetric()])
    MultiTaskEvaluator([DepthErrorMetric(), DepthErrorMetric(prefix='raw')])


@pytest.mark.parametrize(
    ('single_task', 'message'),
    [
        (dict(semseg=38.0, depth=0.6), r"measured in \['normals/mean_err'\]"),
        (dict(semseg=38, depth=0.6, normals=20, edge=76), 'edge/odsF'),
        (dict(semsge=38.0), "did you mean 'semseg'"),
        (dict(semseg=0.0, depth=0.6, normals=20), r"\['semseg'\]=0"),
        (dict(), r'has \[\], which'),
    ],
)
def test_single_task_that_does_not_fit_is_refused(
    single_task: dict[str, float], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        MultiTaskEvaluator(CONFIGS, single_task=single_task)


def test_edge_alone_has_no_delta_m() -> None:
    with pytest.raises(ValueError, match='edge/odsF'):
        MultiTaskEvaluator([PixelEdgeMetric()], single_task=dict(edge=80.0))


def test_of_every_metric_it_is_known_what_is_better() -> None:
    for metric in BaseTaskMetric.__subclasses__():
        reported = {*metric.reports, *metric.may_report}
        assert metric.errors.keys() <= reported
    # A perfect prediction has 0 of what is better low, 100 of the rest.
    for case in CASES.values():
        metric = METRICS.get(case.config['type'])
        for name, ideal in case.ideal.items():
            assert (name in metric.errors) == (ideal == 0), name
            found = primary_metric(case.task, {case.task: name})
            assert found.lower_is_better == (ideal == 0), name
    # What a row says agrees with what its metric says.
    for task, row in ALL_TASKS.items():
        metric = metric_of(task, row.primary)
        assert metric.__name__ == row.metric['type']
        is_error = row.primary in metric.errors
        assert primary_metric(task).lower_is_better == is_error


def test_a_recipe_compares_by_metrics_of_its_own() -> None:
    """Saliency by mIoU, more is better; depth by abs_rel, less is."""
    single = dict(saliency=40.0, depth=0.5)
    evaluator = MultiTaskEvaluator(
        [SaliencyMetric(protocol='mti-net-files'), DepthErrorMetric()],
        single_task=single,
        primary=dict(saliency='mIoU', depth='abs_rel'),
    )
    for task in single:
        (pair,) = draw_pairs(CASES[task], 1)
        sample = to_sample(task, pair)
        other = 'depth' if task == 'saliency' else 'saliency'
        # The other task's sample has no label of this one.
        metric = evaluator.metrics[0 if task == 'saliency' else 1]
        assert metric.task != other
        metric.process(None, [sample.to_dict()])
    scores = evaluator.evaluate(1)
    gain = scores['saliency/mIoU'] / 40 - 1 + 1 - scores['depth/abs_rel'] / 0.5
    assert scores['delta_m'] == pytest.approx(100 * gain / 2)
    assert primary_key('saliency', evaluator.primary) == 'saliency/mIoU'
    assert primary_metrics()['saliency'].name == 'maxF'


@pytest.mark.parametrize(
    ('primary', 'message'),
    [
        (dict(salience='mIoU'), "did you mean 'saliency'"),
    ],
)
def test_a_primary_metric_that_is_not_there_is_refused(
    primary: dict[str, str], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        MultiTaskEvaluator([SaliencyMetric()], primary=primary)
    with pytest.raises(ValueError, match="'mIuo': did you mean 'mIoU'"):
        MultiTaskEvaluator([SaliencyMetric()], primary=dict(saliency='mIuo'))
    # Of a task that is not measured at all it says nothing.
    MultiTaskEvaluator([DepthErrorMetric()], primary=dict(saliency='mIoU'))


def test_single_task_results_of_another_metric_are_refused(
    tmp_path: Path,
) -> None:
    path = tmp_path / 'single.json'
    numbers = dict(saliency=60.0)
    metric = SaliencyMetric(protocol='mti-net-files')
    changed = dict(primary=dict(saliency='mIoU'))
    # A file of the tool without `primary` was written before there was one.
    path.write_text(json.dumps(dict(single_task=numbers)))
    with pytest.raises(ValueError, match=r'saliency/maxF, .* saliency/mIoU'):
        MultiTaskEvaluator([metric], single_task=path, **changed)
    for content in (numbers, dict(single_task=numbers, **changed)):
        path.write_text(json.dumps(content))
        evaluator = MultiTaskEvaluator([metric], single_task=path, **changed)
        assert evaluator.single_task == numbers
    with pytest.raises(ValueError, match=r'saliency/mIoU, .* saliency/maxF'):
        MultiTaskEvaluator([metric], single_task=path)
