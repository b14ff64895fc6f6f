"""Overlap of masks."""

from __future__ import annotations

import numpy as np

from mmmtl.evaluation.functional.binary import mask_scores, threshold_counts
from mmmtl.evaluation.metrics.base_task_metric import BaseTaskMetric, Sums
from mmmtl.registry import METRICS
from mmmtl.tasks.kinds import Binary

_HALF = np.array([0.5], np.float32)


@METRICS.register_module()
class BinaryMetric(BaseTaskMetric):
    """``IoU``, ``F``, ``precision``, ``recall`` of masks, in percent.

    Convention:
        A pixel is predicted where its probability is >= 0.5. Hits, predicted
        and labelled pixels are added over the data set, then divided, so
        that an image without any labelled pixel counts by its false alarms
        alone. ``IoU`` is of the pixels that are 1, not the mean with those
        that are 0; ``F`` weighs precision and recall alike. Precision is 0
        where nothing is predicted.
    """

    reports = ('IoU', 'F', 'precision', 'recall')
    kind = Binary

    def measure(self, prediction: np.ndarray, label: np.ndarray) -> Sums:
        """See the base class."""
        probability = prediction[0].astype(np.float32, copy=False)
        return (threshold_counts(probability, label[0], _HALF)[:, 0],)

    def summarize(self, sums: Sums, count: int) -> dict[str, float]:
        """See the base class.

        Raises:
            ValueError: If no labelled pixel is 1: recall is 0/0 then.
        """
        (counts,) = sums
        if not counts[2]:
            raise ValueError(
                f'BinaryMetric: none of {count} labelled pixels of '
                f'{self.task!r} is 1: check the labels of the validation set'
            )
        return mask_scores(counts)
