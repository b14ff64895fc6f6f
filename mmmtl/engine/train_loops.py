"""mmengine's two training loops, made to go on exactly where they stopped.

The steps, their order and the hooks are mmengine's. Different are the moments
between the steps: where batches come from after a resume, what random draws
start from, that a validation which was cut short is made up for, and that a
signal ends the run with a checkpoint.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from signal import Signals
from typing import Any, NamedTuple

from mmengine.dist import barrier, broadcast_object_list, is_main_process
from mmengine.hooks import CheckpointHook
from mmengine.registry import LOOPS
from mmengine.runner import EpochBasedTrainLoop, IterBasedTrainLoop, Runner
from torch import nn
from torch.utils.data import DataLoader, Dataset

from mmmtl.datasets.sample_stream import (
    all_passes,
    one_pass,
    seed_draws,
    stream_config,
)
from mmmtl.engine.run_state import RunState
from mmmtl.engine.stopping import StopSignals


def resumable(loop: Any, dataloader: Any) -> Any:
    """Return a loop's config with our class in the place of mmengine's.

    Loops of others, and loaders that are built already, stay what they are.

    Args:
        loop: ``train_cfg``.
        dataloader: ``train_dataloader``.
    """
    configs = isinstance(loop, Mapping) and isinstance(dataloader, Mapping)
    if not configs or not isinstance(dataloader.get('sampler'), Mapping):
        return loop
    rest = dict(loop)
    kind = rest.get('type')
    if kind is None:
        by_epoch = rest.pop('by_epoch', None)
        kind = EpochBasedTrainLoop if by_epoch else IterBasedTrainLoop
    elif isinstance(kind, str):
        kind = LOOPS.get(kind)
    ours = {
        EpochBasedTrainLoop: ResumableEpochLoop,
        IterBasedTrainLoop: ResumableIterLoop,
    }
    return {**rest, 'type': ours[kind]} if kind in ours else loop


class ResumableIterLoop(IterBasedTrainLoop):
    """Counts iterations."""

    #: The type in a config, for error texts.
    stands_for = 'IterBasedTrainLoop'

    def __init__(
        self, runner: Runner, dataloader: Mapping, **options: Any
    ) -> None:
        """Build the loader.

        Args:
            runner: The runner.
            dataloader: Config of the loader.
            options: mmengine's, which differ from version to version. A
                resumed run skips in no time: ``fast_forward_on_resume`` has
                no effect.
        """
        loader = _build_loader(runner, dataloader)
        super().__init__(runner, _Unstarted(loader.dataset), **options)
        self.dataloader = loader
        self.state = RunState()
        runner.register_hook(self.state)

    def run(self) -> nn.Module:
        """Train to the end, or until a signal is heard."""
        runner = self.runner
        runner.call_hook('before_train')
        runner.call_hook('before_train_epoch')
        self.state.resume(runner)
        batches = all_passes(self.dataloader, _common_seed(runner), self._iter)
        with StopSignals() as stop:
            if self.state.lacks_validation():
                self._decide_current_val_interval()
                self._validate_if_due(stop)
            while self._iter < self._max_iters and not self.stop_training:
                runner.model.train()
                batch = next(batches)  # starting a loader draws
                seed_draws(runner.seed, self._iter)
                self.run_iter(batch)
                self._decide_current_val_interval()
                _stop_if_asked(self, stop)
                self._validate_if_due(stop)
        runner.call_hook('after_train_epoch')
        runner.call_hook('after_train')
        return runner.model

    def _validate_if_due(self, stop: StopSignals) -> None:
        done = self._iter
        due = done % self.val_interval == 0 or done == self._max_iters
        if self.runner.val_loop and done >= self.val_begin and due:
            whole = self.state.validate(self.runner, stop)
            if not whole:
                _stop_if_asked(self, stop)


class ResumableEpochLoop(EpochBasedTrainLoop):
    """Counts epochs; goes on in the middle of one."""

    #: The type in a config, for error texts.
    stands_for = 'EpochBasedTrainLoop'

    def __init__(
        self, runner: Runner, dataloader: Mapping, **options: Any
    ) -> None:
        """Build the loader.

        Args:
            runner: The runner.
            dataloader: Config of the loader.
            options: mmengine's, which differ from version to version.
        """
        super().__init__(runner, _build_loader(runner, dataloader), **options)
        self.state = RunState()
        runner.register_hook(self.state)

    def run(self) -> nn.Module:
        """Train to the end, or until a signal is heard."""
        runner = self.runner
        runner.call_hook('before_train')
        self._done = self.state.resume(runner)
        self._seed = _common_seed(runner)
        with StopSignals() as self._stop:
            if self.state.lacks_validation() and not self._done:
                self._decide_current_val_interval()
                self._validate_if_due()
            while self._epoch < self._max_epochs and not self.stop_training:
                self.run_epoch()
                self._decide_current_val_interval()
                self._validate_if_due()
        runner.call_hook('after_train')
        return runner.model

    def run_epoch(self) -> None:
        """Train for the rest of an epoch."""
        runner, done = self.runner, self._done
        self._done = 0
        self.state.begin_epoch(runner, done)
        runner.call_hook('before_train_epoch')
        runner.model.train()
        batches = one_pass(self.dataloader, self._seed, self._epoch, done)
        for number, batch in enumerate(batches, start=done):
            seed_draws(runner.seed, self._iter)
            self.run_iter(number, batch)
            _stop_if_asked(self, self._stop)
        runner.call_hook('after_train_epoch')
        self._epoch += 1

    def _validate_if_due(self) -> None:
        done = self._epoch
        due = done % self.val_interval == 0 or done == self._max_epochs
        if self.runner.val_loop and done >= self.val_begin and due:
            whole = self.state.validate(self.runner, self._stop)
            if not whole:
                _stop_if_asked(self, self._stop)


class _Unstarted(NamedTuple):
    """Stands in for a loader whose processes must not be started yet."""

    dataset: Dataset


def _build_loader(runner: Runner, dataloader: Mapping) -> DataLoader:
    return runner.build_dataloader(stream_config(dataloader), seed=runner.seed)


def _common_seed(runner: Runner) -> int:
    """Return the seed that all processes of a run deal samples by."""
    seeds = [runner.seed]  # `diff_rank_seed` adds the rank
    broadcast_object_list(seeds)
    return seeds[0]


def _stop_if_asked(
    loop: ResumableIterLoop | ResumableEpochLoop, stop: StopSignals
) -> None:
    """Save a checkpoint and end the process if a signal was heard.

    Raises:
        SystemExit: With 128 + the signal's number, as shells count.
    """
    if not (number := stop.heard()):
        return
    runner = loop.runner
    name = Signals(number).name
    runner.logger.info(f'{name} heard: saving, then stopping')
    path = _save(runner)
    barrier()  # who leaves first may take the others with it
    runner.logger.info(
        f'stopped by {name} after iteration {runner.iter}, saved to {path}; '
        '--resume goes on from there'
    )
    raise SystemExit(128 + number)


def _save(runner: Runner) -> str:
    folders = [
        hook.out_dir
        for hook in runner.hooks
        if isinstance(hook, CheckpointHook)
    ]
    folder = (folders or [runner.work_dir])[0]
    name = f'iter_{runner.iter}.pth'
    runner.save_checkpoint(
        folder,
        name,
        meta=dict(epoch=runner.epoch, iter=runner.iter),
        by_epoch=False,
    )
    path = f'{folder.rstrip("/")}/{name}'
    if is_main_process():
        (Path(runner.work_dir) / 'last_checkpoint').write_text(path)
    return path
