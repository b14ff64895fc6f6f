"""Loss weightings of torchjd: dynamic weight average, FAMO, and more."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from mmmtl.models.losses.by_task import TaskLosses, scaled, total_of
from mmmtl.models.weighting.base import LossWeighting, check_same_tasks
from mmmtl.models.weighting.torchjd import (
    build_torchjd,
    load_plain_state,
    plain_state,
)
from mmmtl.registry import MODELS


@MODELS.register_module()
class ScalarizerWeighting(LossWeighting):
    """Weights the tasks as a scalarizer of torchjd does.

    A scalarizer makes one number of the losses of all tasks,
    ``S(L_1, ..., L_T)``. Here the losses of task t are multiplied by the
    number ``dS / dL_t``: the gradient of their sum is the gradient of ``S``,
    whether ``S`` is linear (``DWA``, ``Random``) or not (``GeometricMean``,
    ``FAMO``), and every task stays apart, in the log and for
    :class:`mmmtl.engine.optim.AggregationOptimWrapper`. The number is logged
    as ``<task>.weight``.

    Convention:
        ``L_t`` is the sum of a task's losses, times the ``weight`` beside
        them in the config. A loss of exactly 0, in practice a batch without
        the task's labels, enters ``S`` with its last other value: a
        logarithm or an average would take the 0 for a success.

    Examples:
        >>> loss_weighting = dict(
        ...     type='ScalarizerWeighting',
        ...     scalarizer=dict(type='DWA', temperature=2.0),
        ... )
    """

    def __init__(
        self,
        *,
        tasks: Mapping[str, float],
        scalarizer: Mapping[str, Any],
        interval: int = 100,
    ) -> None:
        """Build the scalarizer.

        Args:
            tasks: Factor by task, from the head's ``tasks``.
            scalarizer: ``type`` is a name in ``torchjd.scalarization``, the
                rest are its arguments; the number of tasks is filled in.
            interval: Optimizer steps in what scalarizers that compare
                epochs (``DWA``) take for an epoch.

        Raises:
            UserError: torchjd is not installed, or has no such scalarizer.
        """
        super().__init__()
        self.tasks = tuple(tasks)
        self.interval = interval
        self.steps = 0
        self.register_buffer(
            'factors', torch.tensor([float(w) for w in tasks.values()])
        )
        self.register_buffer('last', torch.ones(len(tasks)))
        built = build_torchjd(
            'scalarization', 'Scalarizer', scalarizer, len(tasks)
        )
        # FAMO moves its parameters itself. Were it a submodule, the model's
        # optimizer and DDP would wait for their gradients.
        alone = hasattr(built, 'update')
        self.scalarizer = None if alone else built
        self._alone = (built,) if alone else ()

    @property
    def function(self) -> nn.Module:
        """The scalarizer."""
        return self._alone[0] if self._alone else self.scalarizer

    def check(self, tasks: Iterable[str]) -> None:
        """See the base class."""
        check_same_tasks(self, self.tasks, tasks)

    def forward(
        self, losses: Mapping[str, Mapping[str, Tensor]]
    ) -> TaskLosses:
        """Weight the losses.

        Args:
            losses: See the base class.

        Returns:
            The same tasks and names in the same order, and ``weight`` for
            each task. Where the scalarizer has parameters, the first task's
            ``loss_weighting`` carries their gradient, and the sum of all is
            ``S``.
        """
        totals = self._totals(losses)
        values = self._present(totals).clone().requires_grad_()
        self.last.copy_(values.detach())
        self.function.to(values.device)
        with torch.enable_grad():
            scalar = self.function(values)
        learned = any(True for _ in self.parameters())
        (slopes,) = torch.autograd.grad(scalar, values, retain_graph=learned)
        weights = dict(zip(self.tasks, slopes * self.factors, strict=True))
        weighted = {
            task: scaled(named, weights[task]) | {'weight': weights[task]}
            for task, named in losses.items()
        }
        if learned:
            rest = scalar - (slopes * totals).sum()
            next(iter(weighted.values()))['loss_weighting'] = rest
        return weighted

    def after_step(self, recompute: Callable[[], TaskLosses]) -> None:
        """Let FAMO compare losses before and after, and DWA end an epoch."""
        self.steps += 1
        if hasattr(self.function, 'update'):
            self.function.update(self._present(self._totals(recompute())))
        if hasattr(self.function, 'step') and not self.steps % self.interval:
            self.function.step()

    def run_state(self) -> dict[str, Any]:
        """See the base class."""
        state = {'steps': self.steps, 'plain': plain_state(self.function)}
        for scalarizer in self._alone:
            state['own'] = scalarizer.state_dict()
            if scalarizer._optimizer is not None:
                state['optimizer'] = scalarizer._optimizer.state_dict()
        return state

    def load_run_state(self, state: Mapping[str, Any]) -> None:
        """See the base class."""
        self.steps = state['steps']
        load_plain_state(self.function, state['plain'])
        for scalarizer in self._alone:
            scalarizer.load_state_dict(state['own'])
            scalarizer._optimizer = None
            if 'optimizer' in state:
                scalarizer._optimizer = torch.optim.Adam([scalarizer._w])
                scalarizer._optimizer.load_state_dict(state['optimizer'])

    def _totals(self, losses: Mapping[str, Mapping[str, Tensor]]) -> Tensor:
        """Return the ``L_t``, (T,), without their graph."""
        totals = [total_of(losses[task]).detach() for task in self.tasks]
        return torch.stack(totals) * self.factors

    def _present(self, totals: Tensor) -> Tensor:
        return torch.where(totals == 0, self.last, totals)

    def extra_repr(self) -> str:
        """Show the tasks when the model is printed."""
        own = f', {self.function}' if self._alone else ''
        return f'tasks={list(self.tasks)}{own}'
