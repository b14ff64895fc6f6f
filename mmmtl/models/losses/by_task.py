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

from torch import Tensor

TaskLosses = dict[str, dict[str, Tensor]]


def is_loss(name: str) -> bool:
    """Return whether mmengine adds a value of this name to the total."""
    return 'loss' in name


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
