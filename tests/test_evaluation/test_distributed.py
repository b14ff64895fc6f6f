"""Two processes give the numbers of one."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest
import torch.distributed as dist
import torch.multiprocessing as mp

from mmmtl.evaluation import MultiTaskEvaluator
from mmmtl.evaluation.metrics import BaseTaskMetric
from mmmtl.registry import METRICS, build_in_scope
from tests.test_evaluation.metric_cases import (
    CASES,
    MetricCase,
    draw_pairs,
    to_sample,
)

# What averages over images is added up otherwise than what pools pixels.
ALL = CASES | {
    'saliency of files': replace(
        CASES['saliency'],
        config=dict(type='SaliencyMetric', protocol='mti-net-files'),
    )
}
# 3 samples on 2 processes: the sampler repeats the first one.
PARTS = ((0, 2), (1, 0))


def _evaluate(
    case: MetricCase, indices: tuple[int, ...], folder: str | None
) -> dict[str, float]:
    config = dict(case.config, collect_dir=folder)
    metric: BaseTaskMetric = build_in_scope(METRICS, config)
    evaluator = MultiTaskEvaluator([metric])
    pairs = draw_pairs(case, 3)
    evaluator.process([to_sample(case.task, pairs[i]) for i in indices])
    return evaluator.evaluate(3)


def _work(rank: int, folder: str) -> None:
    dist.init_process_group(
        'gloo', init_method=f'file://{folder}/start', rank=rank, world_size=2
    )
    scores = {
        name: _evaluate(case, PARTS[rank], os.path.join(folder, name))
        for name, case in ALL.items()
    }
    Path(folder, f'{rank}.json').write_text(json.dumps(scores))
    dist.destroy_process_group()


@pytest.mark.slow
def test_two_processes_equal_one(tmp_path: Path) -> None:
    mp.spawn(_work, args=(str(tmp_path),), nprocs=2)
    for name, case in ALL.items():
        want = pytest.approx(_evaluate(case, (0, 1, 2), None), rel=1e-12)
        for rank in (0, 1):
            found = json.loads((tmp_path / f'{rank}.json').read_text())
            assert found[name] == want
