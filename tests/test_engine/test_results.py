"""What a results file holds, and which files are refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from mmengine.config import Config

from mmmtl.engine.prepare import set_per_class
from mmmtl.engine.results import (
    check_only_task,
    make_results,
    primary_value,
    read_results,
)
from mmmtl.errors import UserError
from mmmtl.tasks import register_task


def test_classes_are_separated_from_metrics(tmp_path: Path) -> None:
    metrics = {
        'semseg/mIoU': 30.0,
        'semseg/IoU.wall': 40.0,
        'semseg/IoU.floor mat': 20.0,
        'human_parts/IoU.head': 5.0,
        'delta_m': 1.5,
    }
    results = make_results(
        metrics,
        config=Config(dict(model=dict(type='Any'))),
        config_file='a.py',
        checkpoint=tmp_path / 'none.pth',
        single_task={'semseg': 28.0},
        primary={'saliency': 'mIoU'},
    )
    assert results['metrics'] == {'semseg/mIoU': 30.0, 'delta_m': 1.5}
    assert results['per_class'] == {
        'semseg': {'wall': 40.0, 'floor mat': 20.0},
        'human_parts': {'head': 5.0},
    }
    assert results['single_task'] == {'semseg': 28.0}
    assert results['primary'] == {'saliency': 'mIoU'}
    assert results['checkpoint']['sha256'] is None
    assert results['new_tasks'] == {}


def test_results_hold_the_rows_of_tasks_that_are_not_built_in(
    tmp_path: Path,
) -> None:
    register_task('cracks', kind='binary')
    register_task('unmeasured', kind='binary')
    results = make_results(
        {'semseg/mIoU': 30.0, 'cracks/IoU': 40.0, 'delta_m': 1.5},
        config=Config(dict(model=dict(type='Any'))),
        config_file='a.py',
        checkpoint=tmp_path / 'none.pth',
    )
    assert results['new_tasks'] == {'cracks': {'kind': 'binary'}}


def test_classes_are_switched_on_wherever_the_metric_stands() -> None:
    config = Config(
        dict(
            test_evaluator=dict(
                type='MultiTaskEvaluator',
                metrics=[
                    dict(type='mmmtl.SegmentationMetric'),
                    dict(type='DepthErrorMetric'),
                ],
            )
        )
    )
    set_per_class(config)
    first, second = config.test_evaluator.metrics
    assert first.per_class is True
    assert 'per_class' not in second


def test_primary_value() -> None:
    results = {'metrics': {'depth/rmse': 0.5, 'depth/abs_rel': 0.1}}
    assert primary_value(results, 'depth', 'a.json') == 0.5
    changed = dict(depth='abs_rel')
    assert primary_value(results, 'depth', 'a.json', changed) == 0.1
    with pytest.raises(UserError, match=r'a\.json have no edge/odsF'):
        primary_value(results, 'edge', 'a.json')


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        (None, 'no such file'),
        ('{', 'no JSON'),
        ('[1]', 'no "metrics"'),
        (json.dumps({'depth/rmse': 0.5}), 'no "metrics"'),
        ('{"metrics": {"depth/rmse": "0.5"}}', r"rmse'\] is '0.5': only"),
        ('{"metrics": {"depth/rmse": true}}', 'is True: only numbers'),
        ('{"metrics": {"depth/rmse": [1]}}', r'is \[1\]: only numbers'),
        ('{"metrics": {}, "config": null}', '"config" is no object'),
        ('{"metrics": {}, "config": {"file": 3}}', '"config" is no object'),
        ('{"metrics": {}, "primary": ["mIoU"]}', '"primary" is no object'),
        ('{"metrics": {}, "single_task": [3]}', '"single_task" is no object'),
    ],
)
def test_other_files_are_refused(
    text: str | None, message: str, tmp_path: Path
) -> None:
    path = tmp_path / 'results.json'
    if text is not None:
        path.write_text(text)
    with pytest.raises(UserError, match=message) as caught:
        read_results(path)
    assert str(path) in str(caught.value)


def test_what_is_not_finite_or_absent_is_fine(tmp_path: Path) -> None:
    path = tmp_path / 'results.json'
    content = {'metrics': {'depth/rmse': None, 'a/b': 1}, 'single_task': None}
    path.write_text(json.dumps(content))
    assert read_results(path) == content


def test_results_of_several_tasks_are_not_those_of_one() -> None:
    one = {'metrics': {'depth/rmse': 0.5, 'delta_m': 1.0, 'x/y': 2.0}}
    check_only_task(one, 'depth', 'a.json')
    both = {'metrics': {**one['metrics'], 'edge/odsF': 70.0}}
    with pytest.raises(UserError, match=r"a\.json hold .* \['edge'\] too"):
        check_only_task(both, 'depth', 'a.json')
