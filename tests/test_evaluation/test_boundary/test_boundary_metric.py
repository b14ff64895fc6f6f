"""The registered metric: sums per sample, protocol options, workers."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp

from mmmtl.evaluation import BoundaryMetric, MultiTaskEvaluator
from mmmtl.evaluation.functional.boundary import (
    best_counts,
    boundary_scores,
    even_thresholds,
    image_counts,
    thin,
    to_grey,
)
from mmmtl.registry import METRICS, build_in_scope
from mmmtl.structures import MultiTaskDataSample
from tests.test_evaluation.metric_cases import to_sample

OPTIONS = dict(max_dist=0.03, thresholds=9)


def draw_pairs(number: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Draw blurred lines and thin labels of several sizes, (1, H, W)."""
    rng = np.random.default_rng(8)
    pairs = []
    for index in range(number):
        height, width = 40 + 3 * index, 50 - 2 * index
        smooth = np.cumsum(np.cumsum(rng.normal(size=(height, width)), 0), 1)
        line = thin(abs(smooth - np.median(smooth)) < 3)
        soft = rng.random((height, width)) ** 3
        soft[line] = 0.4 + 0.6 * rng.random(int(line.sum()))
        label = np.roll(line, 1, axis=0).astype(np.int64)
        label[:3, :4] = 255
        pairs.append((soft[None].astype(np.float32), label[None]))
    return pairs


def evaluate(
    pairs: list[tuple[np.ndarray, np.ndarray]],
    split: list[int] | None = None,
    **options: object,
) -> dict[str, float]:
    metric = build_in_scope(
        METRICS, dict(type='BoundaryMetric', **{**OPTIONS, **options})
    )
    evaluator = MultiTaskEvaluator([metric])
    samples = [to_sample('edge', pair) for pair in pairs]
    for part in np.split(np.arange(len(samples)), split or []):
        evaluator.process([samples[i] for i in part])
    return evaluator.evaluate(len(samples))


@pytest.mark.parametrize('nms', [True, False])
def test_equals_the_functional_numerics_in_percent(nms: bool) -> None:
    pairs = draw_pairs(3)
    counts = []
    for prediction, label in pairs:
        strength = np.where(label[0] == 255, 0, prediction[0])
        counts.append(
            image_counts(
                to_grey(strength.astype(np.float32)) / 255,
                [label[0] == 1],
                thresholds=even_thresholds(9),
                max_dist=0.03,
                nms=nms,
            )
        )
    want = boundary_scores(
        sum(counts), sum(map(best_counts, counts)), even_thresholds(9)
    )
    found = evaluate(pairs, nms=nms)
    assert found == {
        'edge/odsF': 100 * want.ods_f,
        'edge/oisF': 100 * want.ois_f,
        'edge/AP': 100 * want.ap,
    }
    assert 5 < found['edge/odsF'] < 99


@pytest.mark.parametrize('split', [[1, 2, 3], [3], [2]])
def test_any_split_equals_the_whole(split: list[int]) -> None:
    pairs = draw_pairs(4)
    assert evaluate(pairs, split) == evaluate(pairs)


def test_a_perfect_prediction_is_ideal() -> None:
    pairs = [
        ((label == 1).astype(np.float32), label) for _, label in draw_pairs(2)
    ]
    found = evaluate(pairs, nms=False)
    assert found['edge/odsF'] == found['edge/oisF'] == 100


def test_the_tolerance_matters() -> None:
    pairs = draw_pairs(2)
    strict = evaluate(pairs, max_dist=0.001)['edge/odsF']
    assert strict < evaluate(pairs)['edge/odsF'] - 10


def test_an_ignored_pixel_changes_nothing() -> None:
    pairs = draw_pairs(2)
    before = evaluate(pairs)
    prediction, label = pairs[0]
    prediction[label == 255] = 1
    assert evaluate(pairs) == before
    prediction[label == 255] = np.nan
    assert evaluate(pairs) == before
    label[:, 10:30] = 255
    assert evaluate(pairs) != before


def test_a_sample_without_label_counts_nothing() -> None:
    pairs = draw_pairs(3)
    want = evaluate(pairs[:2])
    pairs[2][1][:] = 255
    assert evaluate(pairs) == want
    with pytest.raises(ValueError, match=r'none of 1 samples.*edge'):
        evaluate(pairs[2:])


def test_labels_without_a_boundary_are_refused() -> None:
    pairs = draw_pairs(1)
    pairs[0][1][:] = 0
    with pytest.raises(ValueError, match='is a boundary: check the labels'):
        evaluate(pairs)


def test_entries_stay_small() -> None:
    """They are kept for every sample and pickled between processes."""
    metric = BoundaryMetric(max_dist=0.01)
    metric.process(None, [to_sample('edge', draw_pairs(1)[0]).to_dict()])
    ((_, sums),) = metric.results
    assert sum(array.nbytes for array in sums) < 15_000


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(max_dist=0), 'max_dist=0: it is a share'),
        (dict(max_dist=4.5), 'max_dist=4.5: it is a share'),
        (dict(thresholds=0), '0 thresholds'),
        (dict(workers=-1), 'workers=-1'),
    ],
)
def test_bad_options_are_refused(options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        BoundaryMetric(**{**OPTIONS, **options})


def test_missing_prediction_is_refused() -> None:
    sample = MultiTaskDataSample(metainfo=dict(sample_id='0002'))
    sample.set_gt('edge', torch.zeros(1, 4, 4, dtype=torch.int64))
    metric = BoundaryMetric(**OPTIONS)
    with pytest.raises(ValueError, match="'0002' has no pred_edge_map"):
        metric.process(None, [sample.to_dict()])


@pytest.mark.slow
def test_workers_change_nothing() -> None:
    """More samples than may wait at once, and a second evaluation."""
    pairs = draw_pairs(7)
    pairs[1][1][:] = 255  # no label: no job
    want = evaluate(pairs)
    evaluator = MultiTaskEvaluator([BoundaryMetric(workers=1, **OPTIONS)])
    for _ in range(2):
        evaluator.process([to_sample('edge', pair) for pair in pairs])
        assert evaluator.evaluate(len(pairs)) == want
    assert evaluator.metrics[0]._pool is None


def _work(rank: int, folder: str) -> None:
    dist.init_process_group(
        'gloo', init_method=f'file://{folder}/start', rank=rank, world_size=2
    )
    pairs = draw_pairs(3)
    # The sampler repeats the first sample on the second process.
    part = [pairs[i] for i in ((0, 2), (1, 0))[rank]]
    evaluator = MultiTaskEvaluator(
        [BoundaryMetric(collect_dir=f'{folder}/results', **OPTIONS)]
    )
    evaluator.process([to_sample('edge', pair) for pair in part])
    scores = evaluator.evaluate(3)
    Path(folder, f'{rank}.json').write_text(json.dumps(scores))
    dist.destroy_process_group()


@pytest.mark.slow
def test_two_processes_equal_one(tmp_path: Path) -> None:
    mp.spawn(_work, args=(str(tmp_path),), nprocs=2)
    want = evaluate(draw_pairs(3))
    for rank in (0, 1):
        assert json.loads((tmp_path / f'{rank}.json').read_text()) == want
