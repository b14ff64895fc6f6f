"""Pixelwise F of boundaries, a development figure."""

from __future__ import annotations

from typing import Literal

import numpy as np

from mmmtl.evaluation.functional.binary import f_measure, threshold_counts
from mmmtl.evaluation.metrics.base_task_metric import BaseTaskMetric, Sums
from mmmtl.registry import METRICS
from mmmtl.tasks.kinds import Binary

_THRESHOLDS = np.arange(1, 10, dtype=np.float32) / np.float32(10)


@METRICS.register_module()
class PixelEdgeMetric(BaseTaskMetric):
    """``pixelF``: F of edge pixels that coincide exactly, in percent.

    A figure for development: without thinning and without any tolerance of
    position it is far below, and not comparable with, the published odsF.

    Convention:
        Hits, predicted and labelled edge pixels are added over the data set
        at each of the thresholds 0.1, 0.2, ... 0.9 (an edge is a probability
        >= the threshold); the best F of these is reported.
    """

    reports = ('pixelF',)
    kind = Binary

    def __init__(
        self,
        *,
        task: str = 'edge',
        prefix: str | None = None,
        collect_device: Literal['cpu', 'gpu'] = 'cpu',
        collect_dir: str | None = None,
    ) -> None:
        """Store the task.

        Args:
            task: A task of kind ``binary``.
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
        probability = prediction[0].astype(np.float32, copy=False)
        return (threshold_counts(probability, label[0], _THRESHOLDS),)

    def summarize(self, sums: Sums, count: int) -> dict[str, float]:
        """See the base class.

        Raises:
            ValueError: If no labelled pixel is an edge: F is 0/0 then.
        """
        (counts,) = sums
        if not counts[2].any():
            raise ValueError(
                f'PixelEdgeMetric: none of {count} labelled pixels is an '
                'edge: check the edge labels of the validation set'
            )
        return {
            'pixelF': 100.0 * float(f_measure(counts, beta_squared=1.0).max())
        }
