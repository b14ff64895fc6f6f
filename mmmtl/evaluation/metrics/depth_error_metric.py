"""Errors of metric depth."""

from __future__ import annotations

from typing import Literal

import numpy as np

from mmmtl.evaluation.functional.depth import depth_error_sums, depth_scores
from mmmtl.evaluation.metrics.base_task_metric import BaseTaskMetric, Sums
from mmmtl.registry import METRICS


@METRICS.register_module()
class DepthErrorMetric(BaseTaskMetric):
    """``rmse`` (metre) and the usual relative errors of depth.

    Convention:
        Every valid pixel of the data set counts the same; mmseg's
        ``DepthMetric`` averages the RMSE of each image instead, which is not
        comparable. Predictions are clamped at >= 0, in ratios and logarithms
        at >= 1 mm. Shares (``delta1..3``) are in percent.

    Departs:
        The released code (yangyangxu0/DeMT at b638e14) takes its own ignore
        value, 255, for a depth; here no pixel without label is counted. Both
        agree on labels without gaps, as NYUD-v2's.
    """

    reports = (
        'rmse',
        'abs_rel',
        'sq_rel',
        'log10',
        'rmse_log',
        'delta1',
        'delta2',
        'delta3',
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
            task='depth',
            prefix=prefix,
            collect_device=collect_device,
            collect_dir=collect_dir,
        )

    def measure(self, prediction: np.ndarray, label: np.ndarray) -> Sums:
        """See the base class."""
        return (depth_error_sums(prediction[0], label[0]),)

    def summarize(self, sums: Sums, count: int) -> dict[str, float]:
        """See the base class."""
        return depth_scores(sums[0], count)
