"""Learning-rate schedules that count optimizer steps."""

from __future__ import annotations

from typing import Any

from mmengine.hooks import Hook, ParamSchedulerHook
from mmengine.runner import Runner

from mmmtl.registry import HOOKS


@HOOKS.register_module()
class OptimizerStepSchedulerHook(Hook):
    """Moves the schedulers once per optimizer step, not per forward pass.

    Takes the place of mmengine's ``ParamSchedulerHook`` where gradients are
    accumulated; without accumulation the two do the same.
    """

    priority = 'LOW'

    def __init__(self) -> None:
        self._schedulers = ParamSchedulerHook()

    def after_train_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: Any = None,
        outputs: dict | None = None,
    ) -> None:
        """Move the schedulers that count iterations if a step was made."""
        # The optimizer wrapper knows whether it has just stepped.
        if runner.optim_wrapper.should_update():
            self._schedulers.after_train_iter(
                runner, batch_idx, data_batch, outputs
            )

    def after_train_epoch(self, runner: Runner) -> None:
        """Move the schedulers that count epochs."""
        self._schedulers.after_train_epoch(runner)

    def after_val_epoch(
        self, runner: Runner, metrics: dict[str, float] | None = None
    ) -> None:
        """Move the schedulers that watch a metric."""
        self._schedulers.after_val_epoch(runner, metrics)
