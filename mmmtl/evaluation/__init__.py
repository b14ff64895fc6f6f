"""Metrics per task, pooled over the data set, and their evaluator.

Names are ``<task>/<metric>``. Shares are in percent (mIoU, accuracies, F,
pixels within a limit), depth in metres, angles in degrees, real values in
the task's unit. The absolute error of a map with values in 0..1 (saliency,
heat maps) is in 0..1 too.
"""

from mmmtl.dependency_check import check_dependencies

check_dependencies()

from mmmtl.evaluation.metrics import (
    BaseTaskMetric,
    BinaryMetric,
    BoundaryMetric,
    DepthErrorMetric,
    HeatMapMetric,
    NormalsMetric,
    PixelEdgeMetric,
    SaliencyMetric,
    ScalarMetric,
    SegmentationMetric,
)
from mmmtl.evaluation.multi_task_evaluator import MultiTaskEvaluator
from mmmtl.evaluation.primary_metrics import (
    default_metric,
    metric_of,
    primary_key,
    primary_metric,
    primary_metrics,
)

__all__ = [
    'BaseTaskMetric',
    'BinaryMetric',
    'BoundaryMetric',
    'DepthErrorMetric',
    'HeatMapMetric',
    'MultiTaskEvaluator',
    'NormalsMetric',
    'PixelEdgeMetric',
    'SaliencyMetric',
    'ScalarMetric',
    'SegmentationMetric',
    'default_metric',
    'metric_of',
    'primary_key',
    'primary_metric',
    'primary_metrics',
]
