"""Absolute error of reshading, 2D keypoints and 2D edges."""

from __future__ import annotations

from types import MappingProxyType
from typing import Literal

import numpy as np

from mmmtl.evaluation.functional.scalar import (
    scalar_error_sums,
    scalar_scores,
)
from mmmtl.evaluation.metrics.base_task_metric import BaseTaskMetric, Sums
from mmmtl.registry import METRICS
from mmmtl.tasks.kinds import Scalar


@METRICS.register_module()
class HeatMapMetric(BaseTaskMetric):
    """``mae`` and ``rmse`` of a map with values in 0..1.

    Convention:
        Every valid pixel of the data set counts the same: the sum of the
        absolute errors divided by the number of valid pixels. Labels are in
        0..1 on the scale that the data set names; predictions are not
        clamped. Numbers on different scales are not comparable.
    """

    reports = ('mae', 'rmse')
    errors = MappingProxyType({'mae': '', 'rmse': ''})
    kind = Scalar

    def __init__(
        self,
        *,
        task: str,
        prefix: str | None = None,
        collect_device: Literal['cpu', 'gpu'] = 'cpu',
        collect_dir: str | None = None,
    ) -> None:
        """Store the task.

        Args:
            task: A task of kind ``scalar`` with values in 0..1.
            prefix: See the base class.
            collect_device: See the base class.
            collect_dir: See the base class.
        """
        super().__init__(
            task=task,
            prefix=prefix,
            collect_device=collect_device,
            collect_dir=collect_dir,
        )

    def measure(self, prediction: np.ndarray, label: np.ndarray) -> Sums:
        """See the base class."""
        return (scalar_error_sums(prediction[0], label[0]),)

    def summarize(self, sums: Sums, count: int) -> dict[str, float]:
        """See the base class."""
        return scalar_scores(sums[0], count)
