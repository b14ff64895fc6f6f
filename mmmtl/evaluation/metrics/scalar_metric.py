"""Errors of real values."""

from __future__ import annotations

from types import MappingProxyType

import numpy as np

from mmmtl.evaluation.functional.scalar import (
    scalar_error_sums,
    scalar_scores,
)
from mmmtl.evaluation.metrics.base_task_metric import BaseTaskMetric, Sums
from mmmtl.registry import METRICS
from mmmtl.tasks.kinds import Kind, Scalar


@METRICS.register_module()
class ScalarMetric(BaseTaskMetric):
    """``mae`` and ``rmse`` of real values, in the task's unit.

    Convention:
        Every valid pixel of the data set counts the same: errors are added
        over all images, then divided by the number of pixels, and the root
        of ``rmse`` is taken once. Predictions are not clamped.
    """

    reports = ('mae', 'rmse')
    errors = MappingProxyType({'mae': '', 'rmse': ''})
    kind = Scalar

    @classmethod
    def unit_of(cls, name: str, kind: Kind) -> str:
        """Return the unit of the task's values; see the base class."""
        del name
        return kind.symbol

    def measure(self, prediction: np.ndarray, label: np.ndarray) -> Sums:
        """See the base class."""
        return (scalar_error_sums(prediction[0], label[0]),)

    def summarize(self, sums: Sums, count: int) -> dict[str, float]:
        """See the base class."""
        return scalar_scores(sums[0], count)
