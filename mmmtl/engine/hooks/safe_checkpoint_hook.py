"""Checkpoints of which the old ones go when the new one is there."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mmengine.dist import is_main_process
from mmengine.hooks import CheckpointHook
from mmengine.runner import Runner

from mmmtl.registry import HOOKS


@HOOKS.register_module()
class SafeCheckpointHook(CheckpointHook):
    """Deletes a checkpoint after the one that replaces it is complete.

    mmengine's ``CheckpointHook`` deletes first: where one is kept, a save
    that fails loses all. :class:`~mmmtl.engine.runner.MultiTaskRunner` puts
    this one wherever a config names mmengine's; the settings are the same.

    A folder that was copied keeps its own best checkpoint: mmengine notes
    its whole path, and would delete that of the folder it was copied from.
    """

    #: The type in a config, for error texts.
    stands_for = 'CheckpointHook'

    def before_train(self, runner: Runner) -> None:
        """Find what earlier runs have left in this folder."""
        super().before_train(runner)
        self._bests = [path and self._here(path) for path in self._bests]
        if self.max_keep_ckpts > 0:
            # For a moment there will be one more than are kept.
            self.keep_ckpt_ids = deque(self.keep_ckpt_ids)
        if is_main_process():  # what a kill interrupted
            for path in Path(self.out_dir).glob('.*.partial.pth'):
                path.unlink()

    def after_train_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: Any = None,
        outputs: dict | None = None,
    ) -> None:
        """Save if it is time, then delete."""
        with self._deleting_last():
            super().after_train_iter(runner, batch_idx, data_batch, outputs)

    def after_train_epoch(self, runner: Runner) -> None:
        """Save if it is time, then delete."""
        with self._deleting_last():
            super().after_train_epoch(runner)

    def after_val_epoch(
        self, runner: Runner, metrics: dict[str, float] | None = None
    ) -> None:
        """Save the best if it is better than before, then delete."""
        # Without a best one nothing is saved here, and a validation may come
        # before any training.
        if self.save_best:
            with self._deleting_last():
                super().after_val_epoch(runner, metrics or {})

    @contextmanager
    def _deleting_last(self) -> Iterator[None]:
        """Let mmengine save without deleting, then delete."""
        is_limited = self.max_keep_ckpts > 0
        old = self._bests
        self._bests = [None] * len(old)
        self.max_keep_ckpts += is_limited
        try:
            yield
        finally:
            self.max_keep_ckpts -= is_limited
        new = self._bests
        self._bests = [n or o for n, o in zip(new, old, strict=True)]
        stale = [o for n, o in zip(new, old, strict=True) if n and o != n]
        while is_limited and len(self.keep_ckpt_ids) > self.max_keep_ckpts:
            step = self.keep_ckpt_ids.popleft()
            stale.append(self._here(self.filename_tmpl.format(step)))
        for path in filter(None, stale):
            if is_main_process() and self.file_backend.isfile(path):
                self.file_backend.remove(path)

    def _here(self, path: str) -> str:
        return self.file_backend.join_path(self.out_dir, Path(path).name)

    @property
    def _bests(self) -> list[str | None]:
        """The best checkpoint by each metric, None before there is one."""
        if not self.save_best:
            return []
        if len(self.key_indicators) == 1:
            return [self.best_ckpt_path]
        return [self.best_ckpt_path_dict[key] for key in self.key_indicators]

    @_bests.setter
    def _bests(self, paths: list[str | None]) -> None:
        if not self.save_best:
            return
        if len(self.key_indicators) == 1:
            (self.best_ckpt_path,) = paths
        else:
            self.best_ckpt_path_dict = dict(
                zip(self.key_indicators, paths, strict=True)
            )
