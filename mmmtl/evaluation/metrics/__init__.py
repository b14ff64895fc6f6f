"""The registered metrics: thin shells around the functional numerics."""

from mmmtl.evaluation.metrics.base_task_metric import BaseTaskMetric
from mmmtl.evaluation.metrics.binary_metric import BinaryMetric
from mmmtl.evaluation.metrics.boundary_metric import BoundaryMetric
from mmmtl.evaluation.metrics.depth_error_metric import DepthErrorMetric
from mmmtl.evaluation.metrics.heat_map_metric import HeatMapMetric
from mmmtl.evaluation.metrics.normals_metric import NormalsMetric
from mmmtl.evaluation.metrics.pixel_edge_metric import PixelEdgeMetric
from mmmtl.evaluation.metrics.saliency_metric import SaliencyMetric
from mmmtl.evaluation.metrics.scalar_metric import ScalarMetric
from mmmtl.evaluation.metrics.segmentation_metric import SegmentationMetric

__all__ = [
    'BaseTaskMetric',
    'BinaryMetric',
    'BoundaryMetric',
    'DepthErrorMetric',
    'HeatMapMetric',
    'NormalsMetric',
    'PixelEdgeMetric',
    'SaliencyMetric',
    'ScalarMetric',
    'SegmentationMetric',
]
