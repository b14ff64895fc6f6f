"""Figures of each of several data sets, beside those of all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from mmengine.config import Config
from mmengine.evaluator import Evaluator

from mmmtl.engine.results import make_results
from mmmtl.evaluation import MultiTaskEvaluator
from mmmtl.registry import METRICS, build_in_scope
from tests.test_evaluation.metric_cases import (
    CASES,
    MetricCase,
    Pair,
    draw_pairs,
    to_sample,
)


def evaluate(
    case: MetricCase,
    pairs: list[Pair],
    names: list[str | None],
    config: dict[str, Any] | None = None,
) -> dict[str, float]:
    metric = build_in_scope(METRICS, dict(config or case.config))
    evaluator = Evaluator(metric)
    for pair, name in zip(pairs, names, strict=True):
        sample = to_sample(case.task, pair)
        if name:
            sample.set_metainfo({'data_set': name})
        evaluator.process([sample])
    return evaluator.evaluate(len(pairs))


@pytest.mark.parametrize('case', CASES.values(), ids=CASES.keys())
def test_each_set_has_the_figures_of_its_samples(case: MetricCase) -> None:
    pairs = draw_pairs(case, 5)
    names = ['north', 'south', 'north', 'north', 'south']
    found = evaluate(case, pairs, names)
    want = evaluate(case, pairs, [None] * 5)
    assert list(found)[: len(want)] == list(want)
    for part in ('north', 'south'):
        own = [p for p, n in zip(pairs, names, strict=True) if n == part]
        alone = evaluate(case, own, [None] * len(own))
        want |= {f'{part}/{key}': value for key, value in alone.items()}
    assert found == pytest.approx(want, rel=1e-12)


def test_also_where_other_processes_measure() -> None:
    case = CASES['edge']
    pairs, names = draw_pairs(case, 2), ['north', 'south']
    here, elsewhere = (
        evaluate(
            case,
            pairs,
            names,
            dict(type='BoundaryMetric', max_dist=0.02, workers=workers),
        )
        for workers in (0, 1)
    )
    assert 'south/edge/odsF' in here
    assert elsewhere == here


def test_a_set_without_the_labels_is_left_out(tmp_path: Path) -> None:
    config = dict(type='DepthErrorMetric')
    evaluator = MultiTaskEvaluator(
        [config, dict(type='SegmentationMetric', num_classes=4)],
        single_task=dict(depth=1.0, semseg=50.0),
    )
    evaluator.metrics[1].per_class = True
    samples = []
    for task, name in (('depth', 'north'), ('semseg', 'south')):
        case = next(c for c in CASES.values() if c.task == task)
        sample = to_sample(task, draw_pairs(case, 1)[0])
        sample.set_metainfo({'data_set': name})
        samples.append(sample)
    evaluator.process(samples)
    metrics = evaluator.evaluate(2)
    assert metrics['north/depth/rmse'] == metrics['depth/rmse']
    assert metrics['south/semseg/mIoU'] == metrics['semseg/mIoU']
    assert not {'south/depth/rmse', 'north/semseg/mIoU'} & metrics.keys()
    gains = 1 - metrics['depth/rmse'], metrics['semseg/mIoU'] / 50 - 1
    assert metrics['delta_m'] == pytest.approx(50 * sum(gains))
    results = make_results(
        metrics,
        config=Config(dict(model=dict(type='Any'))),
        config_file='a.py',
        checkpoint=tmp_path / 'none.pth',
    )
    assert 'north/depth/rmse' in results['metrics']
    assert set(results['per_class']) == {'semseg', 'south/semseg'}
