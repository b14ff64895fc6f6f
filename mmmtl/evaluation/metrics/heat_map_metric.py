"""Absolute error of reshading, 2D keypoints and 2D edges."""

from __future__ import annotations

from typing import Literal

import numpy as np

from mmmtl.evaluation.functional.heat_map import (
    heat_map_scores,
    heat_map_sums,
)
from mmmtl.evaluation.metrics.base_task_metric import BaseTaskMetric, Sums
from mmmtl.registry import METRICS


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

    def __init__(
        self,
        *,
        task: Literal['reshading', 'keypoints2d', 'edges2d'],
        prefix: str | None = None,
        collect_device: Literal['cpu', 'gpu'] = 'cpu',
        collect_dir: str | None = None,
    ) -> None:
        """Check the task.

        Args:
            task: A task with a heat map.
            prefix: See the base class.
            collect_device: See the base class.
            collect_dir: See the base class.

        Raises:
            ValueError: If the task has no heat map.
        """
        super().__init__(
            task=task,
            prefix=prefix,
            collect_device=collect_device,
            collect_dir=collect_dir,
        )
        if self.spec.decode != 'identity':
            raise ValueError(
                f"task={task!r} has no heat map: give 'reshading', "
                "'keypoints2d' or 'edges2d'"
            )

    def measure(self, prediction: np.ndarray, label: np.ndarray) -> Sums:
        """See the base class."""
        return (heat_map_sums(prediction[0], label[0]),)

    def summarize(self, sums: Sums, count: int) -> dict[str, float]:
        """See the base class."""
        return heat_map_scores(sums[0], count)
