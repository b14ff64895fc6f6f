"""Reading the ``tasks`` of a head's config."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from mmmtl.errors import did_you_mean
from mmmtl.tasks import check_tasks, get_task_spec

_KEYS = ('out_channels', 'loss', 'weight', 'initial_bias', 'max_value')
# Tasks whose outputs are values on a scale, not classes or directions.
_SCALES = ('clamp_min_0', 'identity')


@dataclass(frozen=True)
class TaskOutput:
    """What a head is asked to produce for one task.

    Attributes:
        task: Task name.
        channels: Channels of the logits.
        losses: Configs of the task's losses; empty for inference only.
        weight: Factor of these losses in the total, unless the model has a
            ``loss_weighting`` with weights of its own, given or learned.
        initial_bias: Where the bias of the last layer starts. With the mean
            depth of a data set, for instance, short runs need not learn it.
        max_value: Losses and predictions read ``max_value *
            sigmoid(logits)`` (metres for depth, 1 for a heat map); None for
            the logits as they are. ``initial_bias`` is that of the logits.
    """

    task: str
    channels: int
    losses: tuple[Mapping[str, Any], ...]
    weight: float = 1.0
    initial_bias: float = 0.0
    max_value: float | None = None

    def to_values(self, logits: Tensor) -> Tensor:
        """Bring logits to the scale of the labels.

        Args:
            logits: ``(..., K, H, W)``, resized already: resizing and a
                sigmoid do not commute, and labels are met at their size.

        Returns:
            ``(..., K, H, W)``: the logits themselves without ``max_value``.
        """
        if self.max_value is None:
            return logits
        return self.max_value * logits.sigmoid()


def read_tasks(
    tasks: Mapping[str, Mapping[str, Any]], *, name: str = 'tasks'
) -> dict[str, TaskOutput]:
    """Read the ``tasks`` of a head's config.

    Args:
        tasks: Per task the keys of :class:`TaskOutput`, ``out_channels`` for
            its channels and ``loss`` for one loss or several.
        name: Of the argument, for errors.

    Returns:
        The outputs by task, in the given order.

    Raises:
        ValueError: If a task or key is unknown, or the channels are missing
            or contradict the task's row.
    """
    return {
        task: _read_task(f'{name}.{task}', task, tasks[task])
        for task in check_tasks(tasks)
    }


def _read_task(place: str, task: str, config: Mapping[str, Any]) -> TaskOutput:
    for key in config:
        if key not in _KEYS:
            raise ValueError(
                f'{place} has no key {key!r}: {did_you_mean(key, _KEYS)}'
            )
    loss = config.get('loss') or ()
    return TaskOutput(
        task=task,
        channels=_read_channels(place, task, config),
        losses=(loss,) if isinstance(loss, Mapping) else tuple(loss),
        weight=float(config.get('weight', 1.0)),
        initial_bias=float(config.get('initial_bias', 0.0)),
        max_value=_read_max_value(place, task, config.get('max_value')),
    )


def _read_channels(place: str, task: str, config: Mapping[str, Any]) -> int:
    fixed = get_task_spec(task).channels
    channels = config.get('out_channels', fixed)
    if channels is None:
        raise ValueError(
            f'{place}.out_channels is missing: give the number of classes'
        )
    # Label and loss would be broadcast to other channels without a word.
    if fixed is not None and channels != fixed:
        raise ValueError(
            f'{place}.out_channels={channels}: this task has {fixed}; leave '
            'the key out'
        )
    return channels


def _read_max_value(
    place: str, task: str, value: float | None
) -> float | None:
    if value is None:
        return None
    if get_task_spec(task).decode not in _SCALES:
        raise ValueError(
            f'{place}.max_value={value}: only depth and heat maps are '
            'values on a scale; leave the key out'
        )
    if not 0 < value < math.inf:
        raise ValueError(
            f'{place}.max_value={value}: give a finite number > 0, such as '
            '10.0 metres'
        )
    return float(value)
