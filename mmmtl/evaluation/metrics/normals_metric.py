"""Angular errors of surface normals."""

from __future__ import annotations

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

    def __init__(
        self,
        *,
        prefix: str | None = None,
        collect_device: Literal['cpu', 'gpu'] = 'cpu',
        collect_dir: str | None = None,
    ) -> None:
        """Take the options of the base class."""
        super().__init__(
            task='normals',
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
        return normals_scores(*sums, count)
