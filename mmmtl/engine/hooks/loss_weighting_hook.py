"""The moments at which a loss weighting sees the training."""

from __future__ import annotations

from typing import Any

import torch
from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmmtl.engine.checkpoint import bare_model
from mmmtl.models.losses.by_task import TaskLosses
from mmmtl.models.weighting import LossWeighting
from mmmtl.registry import HOOKS

_KEY = 'loss_weighting'


@HOOKS.register_module()
class LossWeightingHook(Hook):
    """Shows a weighting the model and each step, and keeps its state.

    :class:`mmmtl.engine.runner.MultiTaskRunner` adds it by itself.
    """

    def __init__(self, weighting: LossWeighting) -> None:
        """Take the weighting of the runner's model."""
        self.weighting = weighting

    def before_train(self, runner: Runner) -> None:
        """Show the weighting the model."""
        self.weighting.bind(bare_model(runner.model))

    def after_train_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: Any = None,
        outputs: dict | None = None,
    ) -> None:
        """Let the weighting learn if an optimizer step was made.

        A step that was skipped for its losses teaches nothing.
        """

        def recompute() -> TaskLosses:
            model = bare_model(runner.model)
            with torch.no_grad(), runner.optim_wrapper.optim_context(model):
                batch = model.data_preprocessor(data_batch, True)
                features = model.extract_feat(batch['inputs'])
                return model.decode_head.loss(features, batch['data_samples'])

        loss = (outputs or {}).get('loss', torch.zeros(()))
        if runner.optim_wrapper.should_update() and loss.isfinite():
            self.weighting.after_step(recompute)

    def before_save_checkpoint(
        self, runner: Runner, checkpoint: dict[str, Any]
    ) -> None:
        """Add the weighting's state, where it has one."""
        state = self.weighting.run_state()
        if state:
            checkpoint[_KEY] = state

    def after_load_checkpoint(
        self, runner: Runner, checkpoint: dict[str, Any]
    ) -> None:
        """Take the weighting's state up when a training is resumed."""
        if runner._resume and _KEY in checkpoint:
            self.weighting.load_run_state(checkpoint[_KEY])
