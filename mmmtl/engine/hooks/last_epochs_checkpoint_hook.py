"""Checkpoints, and the best one among the last epochs."""

from __future__ import annotations

from typing import Any, Literal

from mmengine.hooks import Hook
from mmengine.runner import EpochBasedTrainLoop, Runner

from mmmtl.engine.hooks.safe_checkpoint_hook import SafeCheckpointHook
from mmmtl.registry import HOOKS


@HOOKS.register_module()
class LastEpochsCheckpointHook(Hook):
    """Saves checkpoints; of the last epochs also the best by one metric.

    Takes the place of mmengine's ``CheckpointHook`` in ``default_hooks``,
    whose ``save_best`` looks at all validations. SCA-MTL's authors take the
    best mean gain over single-task models among the last 10 of 100 epochs.

    Convention:
        ``delta_m`` exists only where the evaluator has single-task results
        (``val_evaluator.single_task``). Without them a run says so at its
        start, selects nothing, and its last checkpoint is its result. The
        best checkpoint is called ``best_<metric>_epoch_<epoch>.pth``; mmengine
        writes an ordinary one too when it changes, for resuming.
    """

    priority = 'VERY_LOW'  # as mmengine's

    def __init__(
        self,
        *,
        last_epochs: int = 10,
        metric: str = 'delta_m',
        rule: Literal['greater', 'less'] = 'greater',
        interval: int = 1,
        max_keep_ckpts: int = -1,
    ) -> None:
        """Check and store the settings.

        Args:
            last_epochs: Validations after these epochs at the end of the
                training take part.
            metric: Name of the metric in the evaluator's results.
            rule: Whether more or less of it is better.
            interval: Epochs between ordinary checkpoints; the last epoch has
                one in any case.
            max_keep_ckpts: How many ordinary ones stay; -1 keeps all.

        Raises:
            ValueError: If nothing could ever be selected.
        """
        if last_epochs < 1:
            raise ValueError(
                f'LastEpochsCheckpointHook: last_epochs={last_epochs}, give 1 '
                'or more'
            )
        self.last_epochs = last_epochs
        self.metric = metric
        self._selects = True
        self._keeper = SafeCheckpointHook(
            interval=interval,
            by_epoch=True,
            max_keep_ckpts=max_keep_ckpts,
            save_best=metric,
            rule=rule,
        )

    def before_train(self, runner: Runner) -> None:
        """Find out whether there will be anything to select by.

        Raises:
            ValueError: If the training does not count epochs.
        """
        if not isinstance(runner.train_loop, EpochBasedTrainLoop):
            raise ValueError(
                'LastEpochsCheckpointHook needs train_cfg=dict(type='
                "'EpochBasedTrainLoop'), found "
                f"{type(runner.train_loop).__name__}; use mmengine's "
                'CheckpointHook with save_best'
            )
        if self.metric == 'delta_m' and not _has_single_task(runner):
            self._selects = False
            runner.logger.info(
                'no best checkpoint will be selected: delta_m needs '
                'single-task results, give val_evaluator.single_task'
            )
        self._keeper.before_train(runner)

    def after_train_epoch(self, runner: Runner) -> None:
        """Save an ordinary checkpoint if it is time."""
        self._keeper.after_train_epoch(runner)

    def after_val_epoch(
        self, runner: Runner, metrics: dict[str, float] | None = None
    ) -> None:
        """Save the model if it is the best of the last epochs so far.

        Raises:
            ValueError: If the metric is not among the results; this is
                looked at in every validation, not only in the last ones.
        """
        if not self._selects:
            return
        metrics = metrics or {}
        if self.metric not in metrics:
            raise ValueError(
                f'LastEpochsCheckpointHook: metric={self.metric!r} is not '
                f'measured; choose among {sorted(metrics)}'
            )
        # `epoch` counts finished epochs here.
        if runner.epoch > runner.max_epochs - self.last_epochs:
            self._keeper.after_val_epoch(runner, metrics)


def _has_single_task(runner: Runner) -> bool:
    evaluator: Any = getattr(runner.val_loop, 'evaluator', None)
    return getattr(evaluator, 'single_task', None) is not None
