"""Metrics per task, pooled over the data set, and their evaluator.

Names are ``<task>/<metric>``. Every share is in percent (mIoU, accuracies,
F, pixels within a limit); depth is in metres, angles in degrees.
"""

from mmmtl.evaluation.metrics import (
    BaseTaskMetric,
    DepthErrorMetric,
    NormalsMetric,
    PixelEdgeMetric,
    SegmentationMetric,
)
from mmmtl.evaluation.multi_task_evaluator import MultiTaskEvaluator
from mmmtl.evaluation.primary_metrics import (
    PRIMARY_METRICS,
    PrimaryMetric,
    primary_key,
)

__all__ = [
    'PRIMARY_METRICS',
    'BaseTaskMetric',
    'DepthErrorMetric',
    'MultiTaskEvaluator',
    'NormalsMetric',
    'PixelEdgeMetric',
    'PrimaryMetric',
    'SegmentationMetric',
    'primary_key',
]
