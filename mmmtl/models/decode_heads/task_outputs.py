"""Reading the ``tasks`` of a head's config."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from mmmtl.errors import did_you_mean
from mmmtl.tasks import check_tasks, get_task

_KEYS = ('out_channels', 'loss', 'weight', 'initial_bias', 'max_value')


@dataclass(frozen=True)
class TaskOutput:
    """What a head is asked to produce for one task.

    Attributes:
        task: Task name.
        channels: Channels of the logits.
        losses: Configs of the task's losses: what its row says where the
            recipe has no ``loss``; empty, for inference only, if that is
            None.
        weight: Factor of these losses in the total, unless the model has a
            ``loss_weighting`` with weights of its own, given or learned.
        initial_bias: Where the bias of the last layer starts. With the mean
            depth of a data set, for instance, short runs need not learn it.
            0 where the head leaves it to :class:`BaseMultiTaskHead`.
        max_value: Losses and predictions read ``max_value *
            sigmoid(logits)`` (metres for depth, 1 for a heat map); None for
            ``to_values`` of the task's kind. ``initial_bias`` is that of the
            logits.
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
            ``(..., K, H, W)``.
        """
        if self.max_value is None:
            return get_task(self.task).kind.to_values(logits)
        return self.max_value * logits.sigmoid()


def read_tasks(
    tasks: Mapping[str, Mapping[str, Any]], *, name: str = 'tasks'
) -> dict[str, TaskOutput]:
    """Read the ``tasks`` of a head's config.

    Args:
        tasks: Per task the keys of :class:`TaskOutput`, ``out_channels`` for
            its channels and ``loss`` for one loss, several, or None. All may
            be left out, but for the number of classes.
        name: Of the argument, for errors.

    Returns:
        The outputs by task, in the given order.

    Raises:
        ValueError: If a task or key is unknown, or the channels are missing
            or contradict the task's kind.
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
    loss = config.get('loss', get_task(task).loss) or ()
    return TaskOutput(
        task=task,
        channels=_read_channels(place, task, config),
        losses=(loss,) if isinstance(loss, Mapping) else tuple(loss),
        weight=float(config.get('weight', 1.0)),
        initial_bias=float(config.get('initial_bias', 0.0)),
        max_value=_read_max_value(place, task, config.get('max_value')),
    )


def _read_channels(place: str, task: str, config: Mapping[str, Any]) -> int:
    channels = config.get('out_channels')
    possible = get_task(task).kind.out_channels(None)
    if channels is None:
        if not possible:
            raise ValueError(
                f'{place}.out_channels is missing: give the number of classes'
            )
        return possible[0]
    # Label and loss would be broadcast to other channels without a word.
    # Those that the classes decide are compared with the data set's.
    if possible and channels not in possible:
        raise ValueError(
            f'{place}.out_channels={channels}: this task has '
            f'{" or ".join(map(str, possible))}; leave the key out'
        )
    return channels


def _read_max_value(
    place: str, task: str, value: float | None
) -> float | None:
    if value is None:
        return None
    if not get_task(task).kind.on_a_scale:
        raise ValueError(
            f'{place}.max_value={value}: only outputs that are values on a '
            'scale, such as depth, have one; leave the key out'
        )
    if not 0 < value < math.inf:
        raise ValueError(
            f'{place}.max_value={value}: give a finite number > 0, such as '
            '10.0 metres'
        )
    return float(value)
