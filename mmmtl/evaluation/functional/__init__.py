"""The numerics of the metrics: pure numpy, no state, no registry."""

from mmmtl.evaluation.functional.binary import f_measure, threshold_counts
from mmmtl.evaluation.functional.delta_m import delta_m
from mmmtl.evaluation.functional.depth import (
    depth_error_sums,
    depth_scores,
    inverse_depth_error_sums,
    inverse_depth_scores,
)
from mmmtl.evaluation.functional.normals import (
    angle_histogram,
    angle_sums,
    angles,
    histogram_median,
    normals_scores,
)
from mmmtl.evaluation.functional.saliency import (
    SALIENCY_PROTOCOLS,
    SaliencyProtocol,
    saliency_scores,
    saliency_sums,
)
from mmmtl.evaluation.functional.scalar import (
    scalar_error_sums,
    scalar_scores,
)
from mmmtl.evaluation.functional.segmentation import (
    class_areas,
    class_iou,
    segmentation_scores,
)
from mmmtl.evaluation.functional.temporal import warp_error, warp_error_sums

__all__ = [
    'SALIENCY_PROTOCOLS',
    'SaliencyProtocol',
    'angle_histogram',
    'angle_sums',
    'angles',
    'class_areas',
    'class_iou',
    'delta_m',
    'depth_error_sums',
    'depth_scores',
    'f_measure',
    'histogram_median',
    'inverse_depth_error_sums',
    'inverse_depth_scores',
    'normals_scores',
    'saliency_scores',
    'saliency_sums',
    'scalar_error_sums',
    'scalar_scores',
    'segmentation_scores',
    'threshold_counts',
    'warp_error',
    'warp_error_sums',
]
