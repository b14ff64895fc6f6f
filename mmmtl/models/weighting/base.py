"""The contract of every weighting."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping

from torch import Tensor, nn

from mmmtl.models.losses.by_task import TaskLosses


class LossWeighting(nn.Module, ABC):
    """Scales the losses of the tasks; mmengine adds them up afterwards.

    A module, so that a learned weighting may hold parameters. Its constructor
    takes ``tasks``: the segmentor gives the model's tasks, each with the
    ``weight`` beside its loss, unless the config names others.
    """

    @abstractmethod
    def check(self, tasks: Iterable[str]) -> None:
        """Refuse tasks that cannot be weighted; asked when a model is built.

        Args:
            tasks: All tasks of the model, auxiliary ones included.

        Raises:
            ValueError: If a task has no weight.
        """

    @abstractmethod
    def forward(
        self, losses: Mapping[str, Mapping[str, Tensor]]
    ) -> TaskLosses:
        """Weight the losses.

        Args:
            losses: ``{task: {name: scalar}}``, see
                :mod:`mmmtl.models.losses.by_task`.

        Returns:
            The same tasks and names in the same order, losses weighted,
            diagnostics unchanged.
        """
