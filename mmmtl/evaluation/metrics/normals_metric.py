"""Angular errors of surface normals."""

from __future__ import annotations

from types import MappingProxyType
from typing import Literal

import numpy as np

from mmmtl.evaluation.functional.normals import (
    angle_histogram,
    angle_sums,
    angles,
    normals_scores,
)
from mmmtl.evaluation.metrics.base_task_metric import BaseTaskMetric, Sums
from mmmtl.registry import METRICS
from mmmtl.tasks.kinds import Normals


@METRICS.register_module()
class NormalsMetric(BaseTaskMetric):
    """``mean_err``, ``median``, ``rmse`` (degrees) and shares within limits.

    Convention:
        Both vectors are normalised, the angle is ``2 atan2(|p-t|, |p+t|)``
        as in yangyangxu0/DeMT at b638e14, and every valid pixel of the data
        set counts the same. The median comes from bins of 0.05 degrees. The
        shares ``within_11.25``, ``within_22.5``, ``within_30`` are in
        percent and strict (<).
    """

    reports = (
        'mean_err',
        'median',
        'rmse',
        'within_11.25',
        'within_22.5',
        'within_30',
    )
    errors = MappingProxyType(
        dict.fromkeys(('mean_err', 'median', 'rmse'), 'degrees')
    )
    kind = Normals

    def __init__(
        self,
        *,
        task: str = 'normals',
        prefix: str | None = None,
        collect_device: Literal['cpu', 'gpu'] = 'cpu',
        collect_dir: str | None = None,
    ) -> None:
        """Store the task.

        Args:
            task: A task of kind ``normals``.
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
        degrees = angles(prediction, label)
        return angle_sums(degrees), angle_histogram(degrees)

    def summarize(self, sums: Sums, count: int) -> dict[str, float]:
        """See the base class."""
        totals, histogram = sums
        return normals_scores(totals, histogram, count)
