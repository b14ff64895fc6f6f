"""Stops a training whose losses or gradients are no longer numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import torch
from mmengine.dist import all_gather_object
from mmengine.hooks import Hook
from mmengine.optim import OptimWrapper
from mmengine.runner import Runner
from torch import Tensor, nn
from torch.distributed.tensor import DTensor
from torch.optim import Optimizer

from mmmtl.engine.checkpoint import bare_model
from mmmtl.errors import NonFiniteError
from mmmtl.models.weighting import LossWeighting
from mmmtl.registry import HOOKS
from mmmtl.structures import sample_names

# From its usual scale of 2 ** 16 a scaler that halves it as often has reached
# 2 ** -16, where no gradient of half precision is left.
AMP_PATIENCE = 32
_SHOWN = 8
_KEY = 'divergence'


@HOOKS.register_module()
class DivergenceHook(Hook):
    """Stops a training at its first non-finite loss or gradient.

    :class:`MultiTaskRunner` has it in its default hooks, whatever the config
    says about others; ``default_hooks.divergence=None`` leaves it out.

    Convention:
        The decision falls once per optimizer step, about all forward passes
        that were accumulated for it, on the norm of each parameter's gradient
        as the optimizer gets it: after DDP's averaging, AMP's unscaling and
        clipping. A norm that overflows single precision (3e38) counts as
        infinite. A total loss that is not finite makes gradients NaN
        (:meth:`MultiTaskSegmentor.parse_losses`), so that all processes see
        the same and decide alike; they tell each other what they know in bad
        steps only. Checkpoints are written later than the decision.

        A skipped step leaves weights, the optimizer's state, the model's
        buffers (running statistics, which a forward pass changes) and what
        its loss weighting remembers as they were before its first forward
        pass. Iterations, learning rate and
        moving averages of the weights go on.

        AMP's loss scaler skips steps by design while it looks for its scale.
        These are logged and counted apart; after 32 in a row the run stops.

        Without ``max_skipped`` the gradients are judged after the step, when
        mmengine has waited for the device anyway, in order to log the losses.
        The weights in memory may be spoiled then; no file is.
    """

    # After RuntimeInfoHook, before all that logs, averages or saves.
    priority = 'VERY_HIGH'

    def __init__(self, *, max_skipped: int = 0) -> None:
        """Store the settings.

        Args:
            max_skipped: So many bad steps of this run are skipped with a
                warning; the next one stops it. A resumed run counts anew.
        """
        self.max_skipped = max_skipped
        self.skipped = 0
        self.skipped_by_amp = 0
        self._amp_in_a_row = 0
        self._names: dict[nn.Parameter, str] = {}
        self._forget()

    def before_train(self, runner: Runner) -> None:
        """Have the gradients looked at before each step.

        A model that steps several optimizers itself is judged by its losses
        alone.
        """
        model = bare_model(runner.model)
        self._names = {value: name for name, value in model.named_parameters()}
        if isinstance(runner.optim_wrapper, OptimWrapper):
            optimizer = runner.optim_wrapper.optimizer
            optimizer.register_step_pre_hook(self._before_step)

    def before_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None
    ) -> None:
        """Remember what a forward pass changes, if it may be undone."""
        if self.max_skipped and self._before is None:
            self._before = _what_passes_change(bare_model(runner.model))

    def after_train_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: Any = None,
        outputs: Mapping[str, Any] | None = None,
    ) -> None:
        """Judge the step, if one was due.

        Raises:
            NonFiniteError: Names the losses or gradients, and the samples.
        """
        self._passes.append(_report(data_batch, outputs or {}))
        wrapper = runner.optim_wrapper
        has_scaler = hasattr(wrapper, 'loss_scaler')
        is_due = (
            self._norms is not None
            # Nobody says when it steps.
            or not isinstance(wrapper, OptimWrapper)
            or (has_scaler and wrapper.should_update())
        )
        if not is_due:
            return
        spoiled = self._spoiled()
        # The scaler does not call the optimizer, or, if it is a fused one,
        # tells it to do nothing.
        by_amp = has_scaler and (self._norms is None or bool(spoiled))
        passes = self._passes
        if spoiled or by_amp:  # all processes know it, none waits alone
            passes = [
                report
                for reports in all_gather_object(passes)
                for report in reports
            ]
        guilty = [report for report in passes if report.losses]
        if by_amp and not guilty:
            self._count_amp(runner, passes)
        elif spoiled or guilty:
            text = self._describe(runner, guilty or passes, spoiled)
            self._stop_or_skip(runner, text, can_skip=by_amp or bool(spoiled))
        else:
            self._amp_in_a_row = 0
        self._forget()

    def before_save_checkpoint(
        self, runner: Runner, checkpoint: dict[str, Any]
    ) -> None:
        """Refuse to write weights that no prediction can come from.

        The last step before a checkpoint may overflow them; no loss has seen
        that yet. A buffer may hold an infinity on purpose.

        Raises:
            NonFiniteError: Names the weights.
        """
        model = bare_model(runner.model)
        weights = {name for name, _ in model.named_parameters()}
        bad = [
            name
            for name, value in checkpoint['state_dict'].items()
            if isinstance(value, Tensor)  # not what a module adds of its own
            and (
                (not value.isfinite().all() and name in weights)
                or value.isnan().any()
            )
        ]
        if bad:
            raise NonFiniteError(
                f'{len(bad)} weights are NaN or infinite, first '
                f'{_some(bad, 3)}; stopped before such a checkpoint is '
                f'written; {_remedy(runner)}'
            )
        if self.max_skipped and self._passes:  # within an accumulated step
            passes = [
                [report.samples, report.losses] for report in self._passes
            ]
            checkpoint[_KEY] = dict(before=self._before, passes=passes)

    def after_load_checkpoint(
        self, runner: Runner, checkpoint: dict[str, Any]
    ) -> None:
        """Go on within an accumulated step as if it had not been left."""
        if runner._resume and self.max_skipped and _KEY in checkpoint:
            self._before = checkpoint[_KEY]['before']
            self._passes = [_Pass(*p) for p in checkpoint[_KEY]['passes']]

    def _before_step(self, optimizer: Optimizer, *_: Any) -> None:
        stepped = [
            (parameter, parameter.grad)
            for group in optimizer.param_groups
            for parameter in group['params']
            if parameter.grad is not None
        ]
        self._stepped = [parameter for parameter, _ in stepped]
        # The Euclidean norm takes a twentieth of the time of isfinite() or of
        # the maximum norm on a CPU; all at once, a few kernels on a GPU. The
        # norm of half precision would overflow early.
        gradients = [gradient.float() for _, gradient in stepped]
        norms = torch.stack(torch._foreach_norm(gradients))
        # Shared out, each process knows a part of a norm.
        is_part = isinstance(norms, DTensor)
        self._norms = norms.full_tensor() if is_part else norms
        if self.max_skipped and self._spoiled():
            optimizer.zero_grad()  # a step without gradients does nothing

    def _spoiled(self) -> list[str]:
        """Return the parameters whose gradients are not finite."""
        if self._norms is None:
            return []
        finite = self._norms.isfinite().tolist()
        return [
            self._names.get(parameter, '?')
            for parameter, good in zip(self._stepped, finite, strict=True)
            if not good
        ]

    def _describe(
        self, runner: Runner, passes: Sequence[_Pass], spoiled: Sequence[str]
    ) -> str:
        losses = [loss for report in passes for loss in report.losses]
        what = _some(list(dict.fromkeys(losses)))
        if not losses:
            what = (
                f'{len(spoiled)} of {len(self._stepped)} gradients are NaN or '
                f'infinite, first of {_some(spoiled, 3)}'
            )
            if runner.optim_wrapper.clip_grad_kwargs:
                what += ', as clipping leaves them'
        return what + _samples(passes)

    def _stop_or_skip(
        self, runner: Runner, text: str, *, can_skip: bool
    ) -> None:
        text = f'iteration {runner.iter + 1}: {text}'
        if not can_skip:  # another project's loss, which spoils no gradient
            text += ', gradients are finite, so the step was taken'
        if not can_skip or self.skipped >= self.max_skipped:
            after = f' after {self.skipped} skipped' if self.skipped else ''
            raise NonFiniteError(
                f'{text}; stopped{after}, earlier checkpoints stay; look at '
                f'the samples, {_remedy(runner)}, or have some such steps '
                'skipped: --cfg-options '
                'default_hooks.divergence.max_skipped=10'
            )
        self.skipped += 1
        _undo_passes(bare_model(runner.model), self._before)
        runner.logger.warning(
            f'{text}; step skipped ({self.skipped} of {self.max_skipped})'
        )

    def _count_amp(self, runner: Runner, passes: Sequence[_Pass]) -> None:
        self.skipped_by_amp += 1
        self._amp_in_a_row += 1
        text = (
            f'iteration {runner.iter + 1}: gradients of AMP are not finite, '
            f'its loss scaler skips the step ({self._amp_in_a_row} in a row, '
            f'{self.skipped_by_amp} in all)'
        )
        if self._amp_in_a_row > AMP_PATIENCE:
            raise NonFiniteError(
                f'{text}{_samples(passes)}; {_remedy(runner)}, or '
                'train without --amp'
            )
        runner.logger.info(text)

    def _forget(self) -> None:
        self._passes: list[_Pass] = []
        self._stepped: list[nn.Parameter] = []
        self._norms: Tensor | None = None
        self._before: Any = None


@dataclass(frozen=True)
class _Pass:
    """A forward pass.

    Attributes:
        samples: Names of its samples.
        losses: Those that are not finite, with their values.
    """

    samples: list[str]
    losses: list[str]


def _what_passes_change(model: nn.Module) -> dict[str, list]:
    """Copy what forward passes change: buffers, and losses remembered."""
    return dict(
        buffers=[buffer.clone() for buffer in model.buffers()],
        weightings=[deepcopy(w.run_state()) for w in _weightings(model)],
    )


def _undo_passes(model: nn.Module, before: Mapping[str, list]) -> None:
    for buffer, value in zip(model.buffers(), before['buffers'], strict=True):
        buffer.copy_(value)
    states = before['weightings']
    for weighting, state in zip(_weightings(model), states, strict=True):
        weighting.load_run_state(state)


def _weightings(model: nn.Module) -> list[LossWeighting]:
    return [m for m in model.modules() if isinstance(m, LossWeighting)]


def _report(batch: Any, outputs: Mapping[str, Any]) -> _Pass:
    samples = batch.get('data_samples') if isinstance(batch, Mapping) else ()
    bad = []
    # The total alone is looked at where all is well.
    if not math.isfinite(_number(outputs.get('loss', 0))):
        values = {k: _number(v) for k, v in outputs.items() if 'loss' in k}
        total = values.pop('loss')
        bad = [
            f'{k} = {v:g}' for k, v in values.items() if not math.isfinite(v)
        ]
        bad = bad or [f'loss = {total:g}']
    return _Pass(sample_names(samples or ()), bad)


def _number(value: Tensor | float) -> float:
    return value.item() if isinstance(value, Tensor) else value


def _samples(passes: Sequence[_Pass]) -> str:
    names = [name for report in passes for name in report.samples]
    return f' (samples {_some(names)})' if names else ''


def _some(names: Sequence[str], shown: int = _SHOWN) -> str:
    more = len(names) - shown
    rest = f' and {more} more' if more > 0 else ''
    return ', '.join(names[:shown]) + rest


def _remedy(runner: Runner) -> str:
    rate = next(iter(runner.optim_wrapper.get_lr().values()))[0]
    return f'lower the learning rate ({rate:g} now), clip gradients'
