"""What holds for every metric, tested on every metric."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from mmengine.evaluator import Evaluator

from mmmtl.registry import METRICS, build_in_scope
from mmmtl.structures import MultiTaskDataSample
from mmmtl.tasks import get_task
from tests.test_evaluation.metric_cases import (
    CASES,
    MetricCase,
    Pair,
    draw_pairs,
    to_sample,
    unlabelled,
    valid_pixels,
)

every_metric = pytest.mark.parametrize(
    'case', CASES.values(), ids=CASES.keys()
)


def evaluate(
    case: MetricCase, pairs: list[Pair], split: list[int] | None = None
) -> dict[str, float]:
    evaluator = Evaluator(build_in_scope(METRICS, dict(case.config)))
    samples = [to_sample(case.task, pair) for pair in pairs]
    for part in np.split(np.arange(len(samples)), split or []):
        evaluator.process([samples[i] for i in part])
    return evaluator.evaluate(len(samples))


@every_metric
def test_equals_the_reference_on_the_pooled_pixels(case: MetricCase) -> None:
    pairs = draw_pairs(case, 5)
    scores = evaluate(case, pairs)
    want = case.reference(*valid_pixels(case.task, pairs))
    assert scores.keys() == {f'{case.task}/{name}' for name in want}
    for name, value in want.items():
        # The median comes from a histogram with bins of 0.05 degrees.
        tolerance = dict(abs=0.05) if name == 'median' else dict(rel=1e-6)
        assert scores[f'{case.task}/{name}'] == pytest.approx(
            value, **tolerance
        ), name


@every_metric
@pytest.mark.parametrize('split', [[1, 2, 3, 4], [3], [2, 4]])
def test_any_split_equals_the_whole(
    case: MetricCase, split: list[int]
) -> None:
    pairs = draw_pairs(case, 5)
    assert evaluate(case, pairs, split) == pytest.approx(
        evaluate(case, pairs), rel=1e-12
    )


@every_metric
def test_repeats_of_a_distributed_sampler_are_dropped(
    case: MetricCase,
) -> None:
    """Mmengine cuts the gathered entries to the size of the data set."""
    pairs = draw_pairs(case, 3)
    metric = build_in_scope(METRICS, dict(case.config))
    samples = [to_sample(case.task, pair).to_dict() for pair in pairs]
    metric.process(None, [*samples, samples[0]])
    assert len(metric.results) == 4
    assert metric.evaluate(3) == evaluate(case, pairs)


@every_metric
def test_a_sample_without_label_counts_nothing(case: MetricCase) -> None:
    pairs = draw_pairs(case, 2)
    metric = build_in_scope(METRICS, dict(case.config))
    samples = [to_sample(case.task, pair) for pair in pairs]
    unlabelled = MultiTaskDataSample()
    unlabelled.set_pred(case.task, samples[0].get_pred(case.task))
    empty = to_sample(case.task, pairs[0])
    empty.get_gt(case.task).fill_(get_task(case.task).kind.no_label)
    samples = [unlabelled, samples[0], empty, samples[1]]
    metric.process(None, [sample.to_dict() for sample in samples])
    assert len(metric.results) == 4
    assert metric.evaluate(4) == evaluate(case, pairs)


@every_metric
def test_an_ignored_pixel_changes_nothing(case: MetricCase) -> None:
    pairs = draw_pairs(case, 2)
    before = evaluate(case, pairs)
    prediction, label = pairs[0]
    ignore = get_task(case.task).kind.no_label
    y, x = np.argwhere(unlabelled(case.task, label))[0]
    prediction[:, y, x] = 1 - prediction[:, y, x]
    assert evaluate(case, pairs) == before
    y, x = np.argwhere(~unlabelled(case.task, label))[0]
    label[:, y, x] = ignore
    assert evaluate(case, pairs) != before


@every_metric
def test_perfect_prediction_is_ideal(case: MetricCase) -> None:
    pairs = []
    for prediction, label in draw_pairs(case, 3):
        # Wherever there is a label; anything elsewhere.
        perfect = np.where(
            unlabelled(case.task, label),
            prediction,
            label.astype(prediction.dtype),
        )
        pairs.append((perfect, label))
    scores = evaluate(case, pairs)
    for name, value in case.ideal.items():
        # An angle that rounding made non-zero stays below 1e-5 degrees; the
        # median of zeros is the middle of the first bin.
        assert scores[f'{case.task}/{name}'] == pytest.approx(
            value, abs=0.05 if name == 'median' else 1e-5
        ), name


@every_metric
def test_no_label_at_all_raises(case: MetricCase) -> None:
    pairs = draw_pairs(case, 2)
    for _, label in pairs:
        label[:] = get_task(case.task).kind.no_label
    with pytest.raises(ValueError, match=f'none of 2 samples.*{case.task}'):
        evaluate(case, pairs)


@every_metric
def test_no_sample_at_all_raises(case: MetricCase) -> None:
    metric = build_in_scope(METRICS, dict(case.config))
    with pytest.raises(ValueError, match=f'none of 0 samples.*{case.task}'):
        metric.evaluate(0)


@every_metric
def test_another_size_is_refused(case: MetricCase) -> None:
    prediction, label = draw_pairs(case, 1)[0]
    with pytest.raises(ValueError, match=r"sample '0001'.*original size"):
        evaluate(case, [(prediction[:, :-1], label)])


@every_metric
def test_missing_prediction_is_refused(case: MetricCase) -> None:
    metric = build_in_scope(METRICS, dict(case.config))
    sample = MultiTaskDataSample(metainfo=dict(sample_id='0002'))
    label = draw_pairs(case, 1)[0][1]
    sample.set_gt(case.task, torch.from_numpy(label))
    field = get_task(case.task).pred_field
    with pytest.raises(KeyError, match=field):
        metric.process(None, [sample.to_dict()])


@every_metric
def test_entries_stay_small(case: MetricCase) -> None:
    """They are kept for every sample and pickled between processes."""
    rng = np.random.default_rng(0)
    metric = build_in_scope(METRICS, dict(case.config))
    sample = to_sample(case.task, case.draw(rng, 200, 300))
    metric.process(None, [sample.to_dict()])
    ((_, sums),) = metric.results
    assert sum(array.nbytes for array in sums) < 15_000


@every_metric
def test_unknown_argument_is_refused(case: MetricCase) -> None:
    with pytest.raises(TypeError, match='ignore_indx'):
        build_in_scope(METRICS, dict(case.config, ignore_indx=0))


@pytest.mark.parametrize(
    'name', ['depth', 'normals', 'edge', 'saliency', 'reshading']
)
def test_prediction_that_is_not_finite_is_refused(name: str) -> None:
    prediction, label = draw_pairs(CASES[name], 1)[0]
    prediction[:] = np.nan
    with pytest.raises(ValueError, match="'0001' is not finite"):
        evaluate(CASES[name], [(prediction, label)])


def test_half_precision_prediction_is_read() -> None:
    sample = to_sample('depth', draw_pairs(CASES['depth'], 1)[0])
    sample.set_pred('depth', sample.get_gt('depth').bfloat16())
    metric = build_in_scope(METRICS, dict(type='DepthErrorMetric'))
    metric.process(None, [sample.to_dict()])
    # bfloat16 keeps eight bits: below half a percent of relative error.
    assert 0 < metric.evaluate(1)['depth/abs_rel'] < 0.004
