"""Hooks of mmmtl."""

from mmmtl.engine.hooks.optimizer_step_scheduler_hook import (
    OptimizerStepSchedulerHook,
)

__all__ = ['OptimizerStepSchedulerHook']
