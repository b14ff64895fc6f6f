"""GradNorm: weights that even out how fast the tasks learn.

Source: "GradNorm: Gradient Normalization for Adaptive Loss Balancing in Deep
Multitask Networks", Chen, Badrinarayanan, Lee and Rabinovich, ICML 2018,
Algorithm 1. The authors released no code.

Faithful:
    * ``G_t`` is the norm of the gradient of ``w_t L_t`` at the last shared
      layer; ``r_t`` is a task's loss, divided by its first loss, relative to
      the mean over the tasks; the weights descend on
      ``sum_t |G_t - mean(G) r_t^alpha|``, the target held constant, by Adam
      with the paper's 0.025, and are scaled to a sum of T afterwards.
    * A step uses the weights from before its own update.

Departs:
    * With several processes, losses and norms are averaged over them: each
      norm is that of a part of the batch.
    * A task whose losses are exactly 0, in practice a batch without its
      labels, is left out of that batch's means, and its weight stays.
    * Weights stay above 1e-3: Adam could take one below 0.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from mmengine.dist import all_reduce
from torch import Tensor, nn

from mmmtl.errors import UserError, did_you_mean
from mmmtl.models.losses.by_task import TaskLosses, scaled, total_of
from mmmtl.models.weighting.base import LossWeighting, check_same_tasks
from mmmtl.registry import MODELS

_LOWEST = 1e-3


@MODELS.register_module()
class GradNormWeighting(LossWeighting):
    """Weights that make the tasks learn at even rates.

    Each iteration costs one backward pass per task, from the losses to the
    shared layer. The weight is logged as ``<task>.weight``.
    """

    def __init__(
        self,
        *,
        tasks: Mapping[str, float],
        alpha: float = 1.5,
        lr: float = 0.025,
        shared: str = 'backbone',
    ) -> None:
        """Start with weights of 1.

        Args:
            tasks: Factor by task, from the head's ``tasks``; the losses are
                multiplied by it beforehand.
            alpha: How strongly slow tasks are pulled along; 0 makes all
                norms equal.
            lr: Learning rate of the weights.
            shared: Path of a module of the model, ``'neck'`` say; its last
                weight of two dimensions or more is the shared layer.
        """
        super().__init__()
        self.tasks = tuple(tasks)
        self.alpha = alpha
        self.shared = shared
        self.register_buffer(
            'factors', torch.tensor([float(w) for w in tasks.values()])
        )
        self.register_buffer('weights', torch.ones(len(tasks)))
        # NaN until a task was seen.
        self.register_buffer('first', torch.full((len(tasks),), torch.nan))
        self._layer: tuple[nn.Parameter, ...] = ()
        self._lr = lr
        self._adam: torch.optim.Adam | None = None

    def check(self, tasks: Iterable[str]) -> None:
        """See the base class."""
        check_same_tasks(self, self.tasks, tasks)

    def bind(self, model: nn.Module) -> None:
        """Find the shared layer.

        Raises:
            UserError: The model has no such module, or it learns nothing.
        """
        modules = dict(model.named_modules())
        if self.shared not in modules:
            raise UserError(
                f'GradNormWeighting.shared={self.shared!r}: the model has no '
                f'such module: {did_you_mean(self.shared, modules)}'
            )
        learned = [
            parameter
            for parameter in modules[self.shared].parameters()
            if parameter.requires_grad and parameter.ndim > 1
        ]
        if not learned:
            raise UserError(
                f'GradNormWeighting.shared={self.shared!r} has no weight that '
                'learns: name another module that all tasks share'
            )
        self._layer = (learned[-1],)

    def forward(
        self, losses: Mapping[str, Mapping[str, Tensor]]
    ) -> TaskLosses:
        """Weight the losses, and move the weights for the next step.

        Args:
            losses: See the base class.

        Returns:
            The same tasks and names in the same order, and ``weight`` for
            each task.
        """
        used = (self.weights * self.factors).clone()
        if torch.is_grad_enabled() and self.training:
            totals = [total_of(losses[task]) for task in self.tasks]
            self._learn(torch.stack(totals) * self.factors)
        factor = dict(zip(self.tasks, used, strict=True))
        return {
            task: scaled(named, factor[task]) | {'weight': factor[task]}
            for task, named in losses.items()
        }

    def _learn(self, totals: Tensor) -> None:
        """Take one step with the weights; ``totals`` is (T,) with graph."""
        if not self._layer:
            raise UserError(
                'GradNormWeighting does not know the model: train it with '
                "runner_type='MultiTaskRunner', or call bind(model) first"
            )
        norms = torch.stack([self._norm(total) for total in totals])
        values = totals.detach()
        all_reduce(norms, 'mean')
        all_reduce(values, 'mean')
        seen = values != 0
        self.first.copy_(
            torch.where(self.first.isnan() & seen, values, self.first)
        )
        if seen.sum() < 2:
            return
        rates = values[seen] / self.first[seen]
        rates = rates / rates.mean()
        weighted = self.weights[seen] * norms[seen]  # G_t
        target = weighted.mean() * rates**self.alpha
        gradient = torch.zeros_like(self.weights)
        # d |w n - target| / dw, the target constant.
        gradient[seen] = torch.sign(weighted - target) * norms[seen]
        self._step(gradient, seen)

    def _norm(self, total: Tensor) -> Tensor:
        (gradient,) = torch.autograd.grad(
            total, self._layer, retain_graph=True, allow_unused=True
        )
        return total.new_zeros(()) if gradient is None else gradient.norm()

    def _step(self, gradient: Tensor, seen: Tensor) -> None:
        if self._adam is None:
            self._adam = torch.optim.Adam([self.weights], lr=self._lr)
        before = self.weights.clone()
        self.weights.grad = gradient
        self._adam.step()
        self.weights.grad = None
        weights = torch.where(seen, self.weights, before).clamp(min=_LOWEST)
        rest = len(weights) - weights[~seen].sum()
        weights[seen] *= rest / weights[seen].sum()
        self.weights.copy_(weights)

    def run_state(self) -> dict[str, Any]:
        """See the base class."""
        return {} if self._adam is None else {'adam': self._adam.state_dict()}

    def load_run_state(self, state: Mapping[str, Any]) -> None:
        """See the base class."""
        self._adam = None
        if 'adam' in state:
            self._adam = torch.optim.Adam([self.weights], lr=self._lr)
            self._adam.load_state_dict(state['adam'])

    def extra_repr(self) -> str:
        """Show what was chosen when the model is printed."""
        return (
            f'tasks={list(self.tasks)}, alpha={self.alpha:g}, '
            f'shared={self.shared!r}'
        )
