"""From the losses of the tasks to the terms of the total."""

from __future__ import annotations

import math
import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping

from torch import Tensor, nn

from mmmtl.registry import MODELS
from mmmtl.tasks import check_tasks

# '<task>.loss_<what>', or '<task>.<auxiliary>.loss_<what>'.
_LOSS_KEY = re.compile(r'(\w+)\.(?:(?!\w*loss)\w+\.)*loss_\w+')


class LossWeighting(nn.Module, ABC):
    """Scales the losses of the tasks; mmengine adds them up afterwards.

    A module, so that a learned weighting may hold parameters. Its constructor
    takes ``tasks``: the segmentor gives the model's tasks, each with the
    ``weight`` beside its loss, unless the config names others.
    """

    @abstractmethod
    def check(self, tasks: Iterable[str]) -> None:
        """Refuse tasks that cannot be weighted.

        Args:
            tasks: All tasks of the model.

        Raises:
            ValueError: If a task has no weight.
        """

    @abstractmethod
    def forward(self, losses: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Weight the losses.

        Args:
            losses: ``{'<task>.loss_<what>': scalar}``; an auxiliary one is
                called ``'<task>.<auxiliary>.loss_<what>'``. Values without
                "loss" in their name are diagnostics.

        Returns:
            The same keys in the same order, losses weighted, diagnostics
            unchanged.
        """


@MODELS.register_module()
class FixedWeighting(LossWeighting):
    """One constant factor per task, applied to all its losses."""

    def __init__(
        self,
        *,
        tasks: Mapping[str, float] | None = None,
        weights: Mapping[str, float] | None = None,
    ) -> None:
        """Check the weights.

        Args:
            tasks: Factor >= 0 by task, from the head's ``tasks``.
            weights: Factors in the place of those. Tasks that the model does
                not have are allowed: a recipe may serve several subsets of
                tasks.

        Raises:
            ValueError: If a task is unknown, or a factor is negative or not
                finite.
        """
        super().__init__()
        weights = tasks if weights is None else weights
        if not isinstance(weights, Mapping):
            raise ValueError(
                f'weights={weights!r}: give a dictionary such as '
                'dict(semseg=1.0, depth=1.0)'
            )
        check_tasks(weights)
        for task, weight in weights.items():
            if not (math.isfinite(weight) and weight >= 0):
                raise ValueError(
                    f'weights[{task!r}]={weight}: give a finite number >= 0'
                )
        self.weights = {task: float(w) for task, w in weights.items()}

    def check(self, tasks: Iterable[str]) -> None:
        """See the base class."""
        missing = sorted(set(tasks) - self.weights.keys())
        if missing:
            raise ValueError(
                f'FixedWeighting has no weight for {missing}: add them to '
                f'weights={self.weights}'
            )

    def forward(self, losses: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """See the base class."""
        return {
            name: value
            if (task := task_of_loss(name)) is None
            else value * self._weight(task)
            for name, value in losses.items()
        }

    def extra_repr(self) -> str:
        """Show the weights when the model is printed."""
        return ', '.join(f'{task}={w:g}' for task, w in self.weights.items())

    def _weight(self, task: str) -> float:
        if task not in self.weights:
            self.check([task])
        return self.weights[task]


def task_of_loss(name: str) -> str | None:
    """Return the task that a loss belongs to.

    Args:
        name: Key of a dictionary of losses.

    Returns:
        The task, or None for a diagnostic (no "loss" in its name).

    Raises:
        ValueError: If the name has "loss" in it, but is not the name of a
            task's loss: mmengine would add it to the total unweighted.
    """
    if 'loss' not in name:
        return None
    match = _LOSS_KEY.fullmatch(name)
    if match is None:
        raise ValueError(
            f'{name!r} would be added to the total: call a loss '
            "'<task>.loss_<what>' and keep 'loss' out of other names"
        )
    return match[1]
