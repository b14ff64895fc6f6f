"""Losses per task and their weighting."""

from mmmtl.models.losses.base_task_loss import BaseTaskLoss
from mmmtl.models.losses.task_losses import (
    BalancedEdgeLoss,
    BalancedSaliencyLoss,
    DepthL1Loss,
    HeatMapL1Loss,
    NormalsL1Loss,
    SegCrossEntropyLoss,
)
from mmmtl.models.losses.weighting import FixedWeighting, LossWeighting

__all__ = [
    'BalancedEdgeLoss',
    'BalancedSaliencyLoss',
    'BaseTaskLoss',
    'DepthL1Loss',
    'FixedWeighting',
    'HeatMapL1Loss',
    'LossWeighting',
    'NormalsL1Loss',
    'SegCrossEntropyLoss',
]
