"""How losses travel from the head to mmengine: task by task.

Head and weightings pass ``{task: {name: scalar}}``; a name is that of the
loss, with that of the auxiliary map before it where there is one
(``'scale_0.loss_l1'``). Only the last line of the segmentor makes mmengine's
flat names of them.

Convention:
    mmengine adds up every value with "loss" in its name, and only those.
    Here a value is weighted by the same rule, so that nothing enters the
    total unweighted. All other values are diagnostics: they are logged.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

TaskLosses = dict[str, dict[str, Tensor]]


def is_loss(name: str) -> bool:
    """Return whether mmengine adds a value of this name to the total."""
    return 'loss' in name


def total_of(named: Mapping[str, Tensor]) -> Tensor:
    """Return the sum of the losses among named values."""
    total: Any = sum(v for name, v in named.items() if is_loss(name))
    return total


def scaled(
    named: Mapping[str, Tensor], factor: Tensor | float
) -> dict[str, Tensor]:
    """Multiply the losses among named values; diagnostics stay."""
    return {
        name: value * factor if is_loss(name) else value
        for name, value in named.items()
    }


def flatten_losses(
    losses: Mapping[str, Mapping[str, Tensor]],
) -> dict[str, Tensor]:
    """Name losses and diagnostics as mmengine logs them.

    Args:
        losses: ``{task: {name: scalar}}``.

    Returns:
        ``{'<task>.<name>': scalar}``.
    """
    return {
        f'{task}.{name}': value
        for task, values in losses.items()
        for name, value in values.items()
    }


def losses_by_task(flat: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the sum of each task's losses from mmengine's flat names.

    Args:
        flat: See :func:`flatten_losses`.

    Returns:
        ``{task: scalar}`` in the order of the tasks.
    """
    totals: dict[str, Tensor] = {}
    for name, value in flat.items():
        task, _, rest = name.partition('.')
        if is_loss(rest):
            totals[task] = totals[task] + value if task in totals else value
    return totals
