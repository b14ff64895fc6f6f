"""Learned weights of the tasks: one uncertainty per task.

Source: "Multi-Task Learning Using Uncertainty to Weigh Losses for Scene
Geometry and Semantics", Kendall, Gal and Cipolla, CVPR 2018, as MulT
(Bhattacharjee et al., CVPR 2022) is taken to use it: the paper cites it for
its weighted sum and prints no weights.

Faithful:
    * The total is ``sum_t exp(-s_t) L_t + s_t / 2`` with a learned log
      variance ``s_t`` that starts at 0: a plain sum.
    * Cross entropy and absolute errors are weighted alike.

Departs:
    * A task whose losses are exactly 0, in practice a batch without its
      labels, adds no ``s_t / 2``: its weight would grow for want of labels.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import torch
from torch import Tensor, nn

from mmmtl.models.weighting.fixed import LossWeighting, task_of_loss
from mmmtl.registry import MODELS
from mmmtl.tasks import check_tasks


@MODELS.register_module()
class UncertaintyWeighting(LossWeighting):
    """Weights ``exp(-s_t)``, learned with the model.

    Beside the weighted losses it returns ``<task>.loss_uncertainty``, the
    term ``s_t / 2`` (which may be negative), and the diagnostic
    ``<task>.log_variance``. Keep weight decay away from its parameters: it
    would pull the weights towards 1.
    """

    def __init__(self, *, tasks: Iterable[str]) -> None:
        """Create a log variance of 0 per task.

        Args:
            tasks: Names of the model's tasks. Whatever ``weight`` stands
                beside their losses, the learned weights start at 1.

        Raises:
            ValueError: If a task is unknown or named twice.
        """
        super().__init__()
        self.log_variances = nn.ParameterDict(
            {
                task: nn.Parameter(torch.zeros(()))
                for task in check_tasks(tasks)
            }
        )

    def check(self, tasks: Iterable[str]) -> None:
        """See the base class; a task the model lacks would never learn.

        Args:
            tasks: All tasks of the model.

        Raises:
            ValueError: If the tasks are not exactly those of the weighting.
        """
        tasks, own = list(tasks), list(self.log_variances)
        if set(tasks) != set(own):
            raise ValueError(
                f'UncertaintyWeighting has tasks={own}, but the model has '
                f'{tasks}: give it the tasks of the model'
            )

    def forward(self, losses: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Weight the losses.

        Args:
            losses: See the base class.

        Returns:
            The same keys in the same order, then, for each task that has
            losses, the two of its uncertainty.
        """
        weighted: dict[str, Tensor] = {}
        sums: dict[str, Tensor] = {}
        for name, value in losses.items():
            task = task_of_loss(name)
            if task is None:
                weighted[name] = value
                continue
            weighted[name] = torch.exp(-self._log_variance(task)) * value
            sums[task] = sums.get(task, 0.0) + value.detach()
        for task, total in sums.items():
            log_variance = self._log_variance(task)
            weighted[f'{task}.loss_uncertainty'] = (
                log_variance / 2 * (total != 0)
            )
            weighted[f'{task}.log_variance'] = log_variance.detach().clone()
        return weighted

    def extra_repr(self) -> str:
        """Show the tasks when the model is printed."""
        return f'tasks={list(self.log_variances)}'

    def _log_variance(self, task: str) -> Tensor:
        if task not in self.log_variances:
            self.check([task])
        return self.log_variances[task]
