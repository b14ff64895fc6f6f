"""Gradient aggregation: one gradient per task, made into one step.

The methods are those of torchjd (TorchJD, MIT): UPGrad, MGDA, PCGrad,
CAGrad, NashMTL, IMTLG, AlignedMTL, GradDrop and more, by torchjd's names.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import combinations
from typing import Any

import torch
from mmengine.dist import all_reduce_params, broadcast
from mmengine.optim import OptimWrapper
from torch import Tensor, nn
from torch.optim import Optimizer

from mmmtl.engine.optim.autocast import Precision, autocast
from mmmtl.errors import UserError
from mmmtl.models.weighting.torchjd import (
    build_torchjd,
    load_plain_state,
    plain_state,
)
from mmmtl.registry import OPTIM_WRAPPERS


@OPTIM_WRAPPERS.register_module()
class AggregationOptimWrapper(OptimWrapper):
    """Steps along an aggregation of the tasks' gradients.

    The gradients of each task's loss with respect to *all* parameters are
    the rows of a Jacobian, of which an aggregator of torchjd makes one
    gradient. So it serves decoders in which tasks share more than a
    backbone.

    Convention:
        Row t is the gradient of the weighted losses of task t, averaged over
        processes and over the forward passes of an accumulated step; then
        the rows are aggregated, then the result is clipped. ``Sum`` is
        ordinary training. Most aggregators *average* the rows (``UPGrad``,
        ``MGDA``, ``Mean``): their gradient is about 1/T of the sum, which
        matters to SGD more than to Adam.

    Cost: T backward passes, and memory for T gradients; docs/balancing.md
    has figures.

    Examples:
        >>> optim_wrapper = dict(
        ...     type='AggregationOptimWrapper',
        ...     aggregator=dict(type='UPGrad'),
        ...     optimizer=dict(type='AdamW', lr=1e-4),
        ... )
    """

    def __init__(
        self,
        optimizer: Optimizer,
        *,
        aggregator: Mapping[str, Any],
        accumulative_counts: int = 1,
        clip_grad: dict[str, Any] | None = None,
        precision: Precision | None = None,
        parallel: int | None = 1,
        conflicts_interval: int = 50,
    ) -> None:
        """Prepare the aggregator.

        Args:
            optimizer: Its parameters are those of the Jacobian.
            aggregator: ``type`` is a name in ``torchjd.aggregation``, the
                rest are its arguments; the number of tasks is filled in.
            accumulative_counts: Forward passes per step.
            clip_grad: As in mmengine's ``OptimWrapper``.
            precision: Mixed precision of the forward pass; float16 scales
                the losses dynamically.
            parallel: Backward passes made at once by ``torch.vmap``; None
                is all. 1 works with every layer.
            conflicts_interval: Every so many steps the norms of the tasks'
                gradients (``train/norm.<task>``) and their pairwise cosines
                (``train/cosine.<task>.<task>``) are logged; 0 is never.

        Raises:
            UserError: torchjd is not installed, or has no such aggregator.
        """
        super().__init__(optimizer, accumulative_counts, clip_grad)
        # A trial; the number of tasks is known with the first losses.
        build_torchjd('aggregation', 'Aggregator', aggregator, 2)
        self._config = dict(aggregator)
        self._aggregator: nn.Module | None = None
        self._waiting: Mapping[str, Any] = {}
        self._precision = precision
        self._parallel = parallel
        self._conflicts_interval = conflicts_interval
        self._steps = 0
        self._parameters = [
            parameter
            for group in optimizer.param_groups
            for parameter in group['params']
            if parameter.requires_grad
        ]
        self._scaler = torch.amp.GradScaler(
            self._parameters[0].device.type, enabled=precision == 'float16'
        )
        if self._scaled:  # by this name others know that steps are skipped
            self.loss_scaler = self._scaler

    @contextmanager
    def optim_context(self, model: nn.Module) -> Iterator[None]:
        """Run a forward pass in the chosen precision, without DDP's hooks.

        DDP reduces what ``loss.backward()`` leaves in ``.grad``. The
        Jacobian never passes there; it is reduced here.
        """
        alone = getattr(model, 'no_sync', None)
        with autocast(model, self._precision):
            if alone is None:
                yield
            else:
                with alone():
                    yield

    def update_params(
        self,
        loss: Tensor,
        step_kwargs: dict[str, Any] | None = None,
        zero_kwargs: dict[str, Any] | None = None,
    ) -> None:
        """Add a forward pass to the Jacobian, and step when it is complete.

        Args:
            loss: The total of ``MultiTaskSegmentor.parse_losses``, which
                knows its tasks.
            step_kwargs: For the optimizer's ``step``.
            zero_kwargs: For the optimizer's ``zero_grad``.

        Raises:
            UserError: The total does not know its tasks.
        """
        by_task = getattr(loss, 'by_task', None)
        if by_task is None:
            raise UserError(
                'AggregationOptimWrapper needs the losses of each task; the '
                'model must be a MultiTaskSegmentor'
            )
        self.backward([self.scale_loss(row) for row in by_task.values()])
        if self.should_update():
            self._aggregate(list(by_task))
            self.step(**(step_kwargs or {}))
            self.zero_grad(**(zero_kwargs or {}))

    def backward(self, loss: Sequence[Tensor], **kwargs: Any) -> None:
        """Add the gradients of the tasks' losses to the Jacobian."""
        from torchjd import autojac

        autojac.backward(
            [self._scaler.scale(row) for row in loss],
            inputs=self._parameters,
            parallel_chunk_size=self._parallel,
            **kwargs,
        )
        self._inner_count += 1

    def step(self, **kwargs: Any) -> None:
        """Clip, and step; float16 skips a step that overflowed."""
        self._scaler.unscale_(self.optimizer)
        if self.clip_grad_kwargs:
            self._clip_grad()
        self._scaler.step(self.optimizer, **kwargs)
        self._scaler.update()
        self._steps += 1

    @property
    def _scaled(self) -> bool:
        return self._scaler.is_enabled()

    @torch.no_grad()
    def _aggregate(self, tasks: list[str]) -> None:
        """Make ``.grad`` of the rows in ``.jac``."""
        from torchjd import autojac

        rows = [parameter.jac for parameter in self._parameters]
        all_reduce_params(rows, op='mean')
        scale = self._scaler.get_scale() if self._scaled else 1.0
        for row in rows:
            row /= scale
        if not all(row.isfinite().all() for row in rows):
            self._overflow()
            return
        if self._conflicts_interval and (
            self._steps % self._conflicts_interval == 0
        ):
            self._log_conflicts(rows, tasks)
        with _same_draws(rows[0].device):
            autojac.jac_to_grad(self._parameters, self._aggregator_of(tasks))
        for parameter in self._parameters:
            parameter.grad *= scale

    def _overflow(self) -> None:
        """Leave a gradient for which the scaler, or the run, stops.

        Solvers inside of aggregators would end in errors of their own.
        """
        for parameter in self._parameters:
            del parameter.jac
            parameter.grad = torch.full_like(parameter, torch.inf)

    def _aggregator_of(self, tasks: list[str]) -> nn.Module:
        if self._aggregator is None:
            self._aggregator = build_torchjd(
                'aggregation',
                'Aggregator',
                self._config,
                len(tasks),
                self._parameters[0].dtype,
            )
            load_plain_state(self._aggregator, self._waiting)
        return self._aggregator

    def _log_conflicts(
        self, rows: Sequence[Tensor], tasks: Sequence[str]
    ) -> None:
        flat = [row.reshape(len(tasks), -1) for row in rows]
        gramian: Any = sum(row @ row.T for row in flat)  # (T, T)
        norms = gramian.diagonal().clamp(min=0).sqrt()
        cosines = gramian / (norms[:, None] * norms).clamp(min=1e-30)
        for task, norm in zip(tasks, norms.tolist(), strict=True):
            self.message_hub.update_scalar(f'train/norm.{task}', norm)
        for a, b in combinations(range(len(tasks)), 2):
            self.message_hub.update_scalar(
                f'train/cosine.{tasks[a]}.{tasks[b]}', cosines[a, b].item()
            )

    def state_dict(self) -> dict[str, Any]:
        """Return the state of optimizer, loss scaler and aggregator."""
        state = super().state_dict()
        aggregator = self._aggregator
        state['aggregation'] = dict(
            steps=self._steps,
            scaler=self._scaler.state_dict(),
            # Before the first step, what was resumed still waits.
            aggregator=plain_state(aggregator)
            if aggregator
            else self._waiting,
        )
        return state

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take up what :meth:`state_dict` gave, or an ordinary wrapper's."""
        own = state_dict.pop('aggregation', None)
        super().load_state_dict(state_dict)
        if own is not None:
            self._steps = own['steps']
            self._scaler.load_state_dict(own['scaler'])
            self._waiting = own['aggregator']
            self._aggregator = None


@contextmanager
def _same_draws(device: torch.device) -> Iterator[None]:
    """Let aggregators that draw (PCGrad) draw alike in every process."""
    seed = torch.randint(2**31, ()).to(device)
    broadcast(seed)
    with torch.random.fork_rng(
        [device] if device.type == 'cuda' else [], device_type='cuda'
    ):
        torch.manual_seed(int(seed))
        yield
