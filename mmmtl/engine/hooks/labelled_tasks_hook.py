"""A task without any label would be trained on a loss of zero."""

from __future__ import annotations

import math
from typing import Any

from mmengine.dist import all_gather_object, get_world_size
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmengine.structures import BaseDataElement

from mmmtl.engine.checkpoint import bare_model
from mmmtl.engine.distributed import together
from mmmtl.errors import UserError
from mmmtl.registry import HOOKS
from mmmtl.structures import MultiTaskDataSample
from mmmtl.tasks import get_task


@HOOKS.register_module()
class LabelledTasksHook(Hook):
    """Stops a training of a task that no sample of its beginning labels.

    ``MultiTaskRunner`` has one. Looked at are the first epoch or the first
    ``samples`` samples, whatever is less, of all processes together; a pixel
    is enough. Where no labels are loaded at all, the first batch is enough.
    """

    def __init__(self, *, samples: int = 1000) -> None:
        """Store the number.

        Args:
            samples: More of them where labels of a task are rare.
        """
        self.samples = samples

    def before_train(self, runner: Runner) -> None:
        """Note the tasks, and how many batches are looked at."""
        head = getattr(bare_model(runner.model), 'decode_head', None)
        self._unseen = list(getattr(head, 'supervised_tasks', ()))
        self._done, loader = 0, runner.train_dataloader
        self._count = min(self.samples, len(loader.dataset))
        step = (loader.batch_size or 1) * get_world_size()
        self._batches = math.ceil(self._count / step) if self._unseen else 0

    def before_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None
    ) -> None:
        """Look for labels in a batch.

        Args:
            runner: The runner.
            batch_idx: Unused.
            data_batch: What the loader gives.

        Raises:
            UserError: Names the tasks without labels, in all processes.
        """
        del batch_idx
        if self._done >= self._batches:
            return
        samples = data_batch['data_samples']
        if not all(isinstance(s, MultiTaskDataSample) for s in samples):
            self._unseen = []  # of another library: nobody knows
        if not self._done:
            with together():
                _check_loaded(samples)
        self._unseen = [
            task
            for task in self._unseen
            if not any(_has_label(sample, task) for sample in samples)
        ]
        self._done += 1
        if self._done == self._batches:
            self._check_seen()

    def _check_seen(self) -> None:
        """Every process comes here at the same iteration."""
        everywhere = all_gather_object(self._unseen)
        absent = set(everywhere[0]).intersection(*everywhere)
        if absent:
            raise UserError(
                f'no label of {sorted(absent)} in the first {self._count} '
                'training samples: look at the files with verify.py '
                '--config, or take the task out of model.decode_head; where '
                'labels are that rare, --cfg-options '
                f'default_hooks.labelled_tasks.samples={10 * self.samples}'
            )


def _check_loaded(samples: list[BaseDataElement]) -> None:
    loaded = [
        not isinstance(sample, MultiTaskDataSample)
        or 'label_frames' in sample.metainfo
        or bool(sample.keys())
        for sample in samples
    ]
    if not any(loaded):
        raise UserError(
            'the training pipeline loads no labels: add '
            "dict(type='LoadMultiTaskAnnotations') after LoadImageFromFile"
        )


def _has_label(sample: MultiTaskDataSample, task: str) -> bool:
    if not sample.has_gt(task):
        return False
    return bool(get_task(task).kind.valid(sample.get_gt(task)).any())
