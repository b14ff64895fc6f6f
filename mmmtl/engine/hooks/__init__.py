"""Hooks of mmmtl."""

from mmmtl.engine.hooks.divergence_hook import DivergenceHook
from mmmtl.engine.hooks.feature_cache_hook import FeatureCacheHook
from mmmtl.engine.hooks.labelled_tasks_hook import LabelledTasksHook
from mmmtl.engine.hooks.last_epochs_checkpoint_hook import (
    LastEpochsCheckpointHook,
)
from mmmtl.engine.hooks.loss_weighting_hook import LossWeightingHook
from mmmtl.engine.hooks.multi_task_visualization_hook import (
    MultiTaskVisualizationHook,
)
from mmmtl.engine.hooks.optimizer_step_scheduler_hook import (
    OptimizerStepSchedulerHook,
)
from mmmtl.engine.hooks.safe_checkpoint_hook import SafeCheckpointHook

__all__ = [
    'DivergenceHook',
    'FeatureCacheHook',
    'LabelledTasksHook',
    'LastEpochsCheckpointHook',
    'LossWeightingHook',
    'MultiTaskVisualizationHook',
    'OptimizerStepSchedulerHook',
    'SafeCheckpointHook',
]
