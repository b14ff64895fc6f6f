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
      labels, adds no ``s_t / 2``. Otherwise its weight would grow although
      nothing is learnt.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import torch
from torch import Tensor, nn

from mmmtl.models.losses.by_task import TaskLosses, scaled, total_of
from mmmtl.models.weighting.base import LossWeighting, check_same_tasks
from mmmtl.registry import MODELS
from mmmtl.tasks import check_tasks


@MODELS.register_module()
class UncertaintyWeighting(LossWeighting):
    """Weights ``exp(-s_t)``, learned with the model.

    Beside its weighted losses every task gets ``loss_uncertainty``, the term
    ``s_t / 2`` (which may be negative), and the diagnostic ``log_variance``.
    Keep weight decay away from its parameters: it would pull the weights
    towards 1.
    """

    def __init__(self, *, tasks: Iterable[str]) -> None:
        """Create a log variance of 0 per task.

        Args:
            tasks: Names of the model's tasks, auxiliary ones included.
                Whatever ``weight`` stands beside their losses, the learned
                weights start at 1.
        """
        super().__init__()
        self.log_variances = nn.ParameterDict(
            {
                task: nn.Parameter(torch.zeros(()))
                for task in check_tasks(tasks)
            }
        )

    def check(self, tasks: Iterable[str]) -> None:
        """See the base class.

        Raises:
            ValueError: If the tasks are not exactly those of the weighting:
                the weight of a task that the model lacks would never learn.
        """
        check_same_tasks(self, self.log_variances, tasks)

    def forward(
        self, losses: Mapping[str, Mapping[str, Tensor]]
    ) -> TaskLosses:
        """Weight the losses.

        Args:
            losses: See the base class.

        Returns:
            The same tasks and names in the same order; each task's two
            values of its uncertainty follow its own.
        """
        return {
            task: self._weighted(self.log_variances[task], values)
            for task, values in losses.items()
        }

    def _weighted(
        self, log_variance: Tensor, values: Mapping[str, Tensor]
    ) -> dict[str, Tensor]:
        total = total_of(values).detach()
        return scaled(values, torch.exp(-log_variance)) | {
            'loss_uncertainty': log_variance / 2 * (total != 0),
            'log_variance': log_variance.detach().clone(),
        }

    def extra_repr(self) -> str:
        """Show the tasks when the model is printed."""
        return f'tasks={list(self.log_variances)}'
