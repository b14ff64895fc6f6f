"""The contract of every weighting."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from torch import Tensor, nn

from mmmtl.models.losses.by_task import TaskLosses


class LossWeighting(nn.Module, ABC):
    """Scales the losses of the tasks; mmengine adds them up afterwards.

    A module, so that a learned weighting may hold parameters. Its constructor
    takes ``tasks``: the segmentor gives the model's tasks, each with the
    ``weight`` beside its loss, unless the config names others.

    :class:`mmmtl.engine.runner.MultiTaskRunner` calls the four methods that
    are not abstract; a weighting that needs none of them leaves them out.
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

    def bind(self, model: nn.Module) -> None:
        """See the whole model once, before a training starts.

        Args:
            model: The segmentor, without wrappers.
        """

    def after_step(self, recompute: Callable[[], TaskLosses]) -> None:
        """Learn from an optimizer step.

        Args:
            recompute: Returns the losses, not weighted, of the batch that
                the step was made with, under the weights after the step. It
                costs a forward pass.
        """

    def run_state(self) -> dict[str, Any]:
        """Return what resuming needs beside parameters and buffers.

        Tensors, numbers and lists and dictionaries of them.
        """
        return {}

    def load_run_state(self, state: Mapping[str, Any]) -> None:
        """Take up what :meth:`run_state` gave."""


def check_same_tasks(
    weighting: nn.Module, own: Iterable[str], tasks: Iterable[str]
) -> None:
    """Refuse a weighting whose tasks are not exactly those of the model.

    Raises:
        ValueError: Names both.
    """
    tasks, own = list(tasks), list(own)
    if set(tasks) != set(own):
        raise ValueError(
            f'{type(weighting).__name__} has tasks={own}, but the model has '
            f'{tasks}: give it the tasks of the model'
        )
