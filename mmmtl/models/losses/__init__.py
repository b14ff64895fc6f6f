"""Losses of the tasks: pure functions, and registered classes around them."""

from mmmtl.models.losses.base_task_loss import BaseTaskLoss
from mmmtl.models.losses.by_task import TaskLosses, flatten_losses, is_loss
from mmmtl.models.losses.log_depth_loss import DepthLogLoss
from mmmtl.models.losses.rotate_loss import DepthRotateLoss
from mmmtl.models.losses.task_losses import (
    BalancedEdgeLoss,
    BalancedSaliencyLoss,
    BinaryCrossEntropyLoss,
    BinaryDiceLoss,
    BinaryFocalLoss,
    DepthL1Loss,
    HeatMapL1Loss,
    NormalsL1Loss,
    ScalarL1Loss,
    SegCrossEntropyLoss,
)

__all__ = [
    'BalancedEdgeLoss',
    'BalancedSaliencyLoss',
    'BaseTaskLoss',
    'BinaryCrossEntropyLoss',
    'BinaryDiceLoss',
    'BinaryFocalLoss',
    'DepthL1Loss',
    'DepthLogLoss',
    'DepthRotateLoss',
    'HeatMapL1Loss',
    'NormalsL1Loss',
    'ScalarL1Loss',
    'SegCrossEntropyLoss',
    'TaskLosses',
    'flatten_losses',
    'is_loss',
]
