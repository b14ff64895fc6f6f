"""What a checkpoint holds so that a run goes on as if never stopped.

mmengine saves weights, optimizer, schedulers, loss scale, logs and what hooks
add (a moving average). What is drawn at random follows from the seed and the
iteration, see :mod:`mmmtl.datasets.sample_stream`, and needs no saving. What
is missing stands under ``run_state``:

- ``batches``: how many batches of an epoch are done, in the middle of one;
- ``validated``: whether the validation that belongs to this moment is over,
  or has to be done before the training goes on;
- ``patience``: what each ``EarlyStoppingHook`` has seen, by its metric: the
  best value, and the validations without a better one;
- ``stopped``: whether one of them has ended the training;
- ``gradients``: per process and parameter, what was accumulated since the
  last optimizer step; absent directly after a step. Those of a single entry
  hold for all processes: one process made them, or all have their mean
  (:class:`~mmmtl.engine.fully_sharded.FullyShardedModel`).
"""

from __future__ import annotations

from typing import Any

from mmengine.dist import gather_object
from mmengine.hooks import EarlyStoppingHook, EMAHook, Hook
from mmengine.optim import OptimWrapperDict
from mmengine.runner import Runner
from torch import Tensor, nn

from mmmtl.engine.checkpoint import bare_model
from mmmtl.engine.fully_sharded import is_sharded
from mmmtl.engine.stopping import StopSignals
from mmmtl.errors import UserError

Gradients = dict[str, Tensor]


class ValidationStoppedError(Exception):
    """A signal was heard in the middle of a validation."""


class RunState(Hook):
    """Adds to checkpoints, and takes from them, what mmengine leaves out."""

    priority = 'LOWEST'  # a validation stops after a batch is dealt with

    def __init__(self) -> None:
        """Begin a run."""
        self.found: dict[str, Any] = {}
        self.epoch_began_at = 0  # iteration
        self._epoch = 0
        self._gradients: list[Gradients] = []
        self._validating = False
        self._stop: StopSignals | None = None
        self._common_batches = 0

    def after_load_checkpoint(
        self, runner: Runner, checkpoint: dict[str, Any]
    ) -> None:
        """Remember where the run that is resumed was."""
        if runner._resume:
            self.found = checkpoint.get('run_state', {})

    def resume(self, runner: Runner) -> int:
        """Give the gradients back.

        Returns:
            The batches of the epoch that are done.

        Raises:
            UserError: Another number of processes had accumulated them.
        """
        if gradients := self.found.get('gradients'):
            if len(gradients) not in (1, runner.world_size):
                raise UserError(
                    '--resume: the checkpoint was saved between two optimizer '
                    f'steps of {len(gradients)} process(es), this run has '
                    f'{runner.world_size}: resume with as many'
                )
            own = gradients[runner.rank if len(gradients) > 1 else 0]
            if is_sharded(runner.model):
                runner.model.take_gradients(own)
            else:
                _take_gradients(bare_model(runner.model), own)
            runner.logger.info('restored the gradients accumulated so far')
        self._resume_patience(runner)
        return self.found.get('batches', 0)

    def _resume_patience(self, runner: Runner) -> None:
        seen = self.found.get('patience', {})
        for hook in _early_stopping(runner):
            if hook.monitor in seen:
                hook.best_score, hook.wait_count = seen[hook.monitor]
        goes_on = runner.cfg.get('resume_changed')
        if self.found.get('stopped') and not goes_on:
            runner.train_loop.stop_training = True
            runner.logger.info(
                'an EarlyStoppingHook has ended this training: nothing to '
                'do; --resume-changed goes on'
            )

    def lacks_validation(self) -> bool:
        """Tell whether the checkpoint was saved before a validation."""
        return not self.found.get('validated', True)

    def begin_epoch(self, runner: Runner, done: int) -> None:
        """Remember where an epoch begins.

        Args:
            runner: It stands at its first iteration, or later.
            done: Batches of it that are done.
        """
        self._epoch = runner.epoch
        self.epoch_began_at = runner.iter - done

    def collect_gradients(self, runner: Runner) -> None:
        """Fetch what is accumulated from all processes, before a save."""
        wrapper = runner.optim_wrapper
        wrappers = (
            wrapper.values()
            if isinstance(wrapper, OptimWrapperDict)
            else [wrapper]
        )
        self._gradients = []
        if all(part.should_update() for part in wrappers):
            return
        if is_sharded(runner.model):
            self._gradients = [runner.model.whole_gradients()]
            return
        own = {
            name: held.cpu()
            for name, parameter in bare_model(runner.model).named_parameters()
            # torchjd keeps a gradient per task, (T, *shape), in `jac`.
            if (held := getattr(parameter, 'jac', parameter.grad)) is not None
        }
        self._gradients = gather_object(own) or []

    def before_save_checkpoint(
        self, runner: Runner, checkpoint: dict[str, Any]
    ) -> None:
        """Add the state of the run."""
        meta = checkpoint['meta']
        within = meta['epoch'] == self._epoch
        checkpoint['run_state'] = dict(
            batches=meta['iter'] - self.epoch_began_at if within else 0,
            validated=self._validating,
            patience={
                hook.monitor: (float(hook.best_score), hook.wait_count)
                for hook in _early_stopping(runner)
            },
            stopped=runner.train_loop.stop_training
            and any(map(_has_stopped, _early_stopping(runner))),
        )
        if self._gradients and 'optimizer' in checkpoint:
            checkpoint['run_state']['gradients'] = self._gradients

    def validate(self, runner: Runner, stop: StopSignals) -> bool:
        """Validate, unless a signal stops it.

        Returns:
            Whether the validation came to its end.
        """
        self._validating, self._stop = True, stop
        # The last batch may be dealt to some processes only.
        self._common_batches = stop.smallest(len(runner.val_dataloader))
        try:
            runner.val_loop.run()
        except ValidationStoppedError:
            for hook in runner.hooks:
                if isinstance(hook, EMAHook):
                    # It has exchanged the weights for their average.
                    hook.after_val_epoch(runner)
            return False
        finally:
            self._validating = False
        return True

    def after_val_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: Any = None,
        outputs: Any = None,
    ) -> None:
        """Stop a validation within a training if a signal was heard."""
        asks = self._validating and batch_idx < self._common_batches
        if asks and self._stop is not None and self._stop.heard():
            raise ValidationStoppedError


def _early_stopping(runner: Runner) -> list[EarlyStoppingHook]:
    return [h for h in runner.hooks if isinstance(h, EarlyStoppingHook)]


def _has_stopped(hook: EarlyStoppingHook) -> bool:
    """Tell whether it was this hook: others may end a job for its time."""
    limit = hook.stopping_threshold
    reached = limit is not None and hook.rule_map[hook.rule](
        hook.best_score, limit
    )
    return reached or hook.wait_count >= hook.patience


def _take_gradients(model: nn.Module, gradients: Gradients) -> None:
    parameters = dict(model.named_parameters())
    for name, gradient in gradients.items():
        parameter = parameters[name]
        kind = 'grad' if gradient.shape == parameter.shape else 'jac'
        setattr(parameter, kind, gradient.to(parameter.device))
