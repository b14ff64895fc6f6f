"""Constant weights of the tasks, as most recipes have them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from torch import Tensor

from mmmtl.models.losses.by_task import TaskLosses, scaled
from mmmtl.models.weighting.base import LossWeighting
from mmmtl.registry import MODELS
from mmmtl.tasks import check_tasks


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
        weights = (tasks or {}) if weights is None else weights
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

    def forward(
        self, losses: Mapping[str, Mapping[str, Tensor]]
    ) -> TaskLosses:
        """See the base class."""
        return {
            task: scaled(named, self.weights[task])
            for task, named in losses.items()
        }

    def extra_repr(self) -> str:
        """Show the weights when the model is printed."""
        return ', '.join(f'{task}={w:g}' for task, w in self.weights.items())
