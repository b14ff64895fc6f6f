from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from mmmtl.apis import MultiTaskInferencer
from mmmtl.deploy.formats import Maps
from mmmtl.deploy.metrics import compare_metrics, sample_sizes
from mmmtl.errors import UserError
from tests.test_deploy.tiny_configs import tiny_config, with_data


def test_metrics_are_compared_task_by_task(tmp_path: Path) -> None:
    inferencer = MultiTaskInferencer(with_data(tmp_path), device='cpu')

    def opened(pictures: Sequence[np.ndarray]) -> list[Maps]:
        return [
            maps | dict(depth=np.zeros_like(maps['depth']))
            for maps in inferencer(pictures)
        ]

    assert sample_sizes(inferencer, samples=5) == [(32, 64)]

    figures = compare_metrics(inferencer, opened, samples=5)
    # The primary metric of edge, odsF, is not measured here.
    assert list(figures) == ['semseg', 'depth', 'normals']
    for task in ('semseg', 'normals'):
        assert figures[task]['file'] == figures[task]['model']
    rows, columns = np.mgrid[:32, :64]
    label = 1 + rows / 8 + columns / 16
    wanted = np.sqrt((label**2).mean())  # of an answer of 0 metres
    assert figures['depth']['file'] == pytest.approx(wanted, rel=1e-3)
    assert figures['depth']['model'] != figures['depth']['file']


def test_metrics_need_data() -> None:
    inferencer = MultiTaskInferencer(tiny_config('FCN'), device='cpu')
    with pytest.raises(UserError, match='no test_dataloader'):
        compare_metrics(inferencer, inferencer, samples=1)
