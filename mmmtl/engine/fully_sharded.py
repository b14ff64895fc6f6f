"""FSDP2: processes share weights, gradients and optimizer state out.

DDP keeps all three whole in each process. Here a process keeps its part of
each tensor, and fetches the rest of a layer while the layer computes::

    model_wrapper_cfg = dict(type='FullyShardedModel')

Gradients are means over processes, as with DDP. A checkpoint is whole, the
same file that one process would write: it loads everywhere, and a run goes on
from it with any number of processes, sharded or not.

Departs from ``torch.distributed.fsdp.fully_shard`` alone:

- Weights are made contiguous, which FSDP2 asks for. Some heads store theirs
  channels last, to compute faster.
- A weight that is a single number is stored as a row of one, since FSDP2
  takes rows apart. Checkpoints keep the number.
- Running statistics are those of process 0 in validations, as they are in
  checkpoints. (mmengine's DDP validates each process with its own.)
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from fnmatch import fnmatchcase
from functools import partial
from typing import Any, TypeGuard

import torch
from mmengine.dist import (
    all_gather_object,
    broadcast,
    get_world_size,
    is_main_process,
)
from mmengine.logging import print_log
from mmengine.optim import OptimWrapper
from torch import Tensor, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import DTensor, distribute_tensor
from torch.optim import Optimizer

from mmmtl.errors import UserError, did_you_mean
from mmmtl.registry import MODEL_WRAPPERS

MIB = 2**20


@MODEL_WRAPPERS.register_module()
class FullyShardedModel(nn.Module):
    """A model of which each process keeps a part.

    :class:`~mmmtl.engine.runner.MultiTaskRunner` shards it when a training
    starts; in an evaluation it stays whole. ``state_dict()`` is whole: all
    processes call it together, or process 0 alone within :meth:`gathered`.

    Attributes:
        parts: Its sharded parameters by name; empty as long as it is whole.

    Memory: the whole model is built in each process before it is shared out.
    Saving gathers the weights and the optimizer's state in process 0, on the
    CPU.
    """

    def __init__(
        self,
        module: nn.Module,
        *,
        units: Sequence[str] | None = None,
        reshard_after_forward: bool = True,
    ) -> None:
        """Store the model.

        Args:
            module: The model.
            units: Patterns (``backbone.layers.*``) of the modules that are
                fetched at once; they must be called as ``module(...)``. None
                takes the blocks of the backbone that learn, and the neck.
                What is in no unit is fetched for the whole step.
            reshard_after_forward: Whether a unit's weights are given up
                after the forward pass, and fetched again for the backward
                pass: less memory, half as much communication again.
        """
        super().__init__()
        self.module = module
        self._units = units
        self._reshard = reshard_after_forward
        # FSDP2 exchanges the model's parameters for whole ones at times.
        self.parts: dict[str, nn.Parameter] = {}
        self._numbers: set[nn.Parameter] = set()
        self._optimizers: list[Optimizer] = []
        self._gathered: dict[Any, dict[str, Any]] | None = None
        self._has_reported = False

    def forward(self, *args: Any, **options: Any) -> Any:
        """Call the model."""
        return self.module(*args, **options)

    def shard(self) -> None:
        """Initialise the weights, then keep this process's part of each.

        To be called before the optimizer is built.
        """
        if self.parts:
            return
        module = self.module
        if hasattr(module, 'init_weights'):
            module.init_weights()
        for value in module.state_dict().values():
            broadcast(value)  # seeds may differ
        numbers = _make_shardable(module)
        device = next(module.parameters()).device.type
        mesh = init_device_mesh(device, (get_world_size(),))
        for unit in _units_of(module, self._units):
            fully_shard(unit, mesh=mesh, reshard_after_forward=self._reshard)
        fully_shard(module, mesh=mesh)
        self.parts = dict(module.named_parameters())
        self._numbers = {self.parts[name] for name in numbers}
        # PyTorch writes an attribute on the hook, which a method has not.
        module.register_state_dict_post_hook(partial(self._make_whole))
        module.register_load_state_dict_pre_hook(self._take_parts)

    def adopt(self, optimizer: Optimizer) -> None:
        """Make an optimizer's ``state_dict`` whole likewise."""
        if optimizer not in self._optimizers:
            self._optimizers.append(optimizer)
            optimizer.register_state_dict_post_hook(self._make_state_whole)
            optimizer.register_load_state_dict_pre_hook(self._take_state)

    def train_step(
        self, data: Any, optim_wrapper: OptimWrapper
    ) -> dict[str, Tensor]:
        """See mmengine's ``BaseModel``.

        Raises:
            UserError: The weights are not shared out.
        """
        if not self.parts:
            raise UserError(
                'FullyShardedModel is shared out by mmmtl.MultiTaskRunner '
                "alone: train with mmmtl's tools/train.py, or set "
                "runner_type='mmmtl.MultiTaskRunner'"
            )
        log = self.module.train_step(data, optim_wrapper)
        if not self._has_reported and any(o.state for o in self._optimizers):
            self._has_reported = True
            print_log(self._memory(), 'current')
        return log

    def val_step(self, data: Any) -> list:
        """See mmengine's ``BaseModel``."""
        return self.module.val_step(data)

    def test_step(self, data: Any) -> list:
        """See mmengine's ``BaseModel``."""
        return self.module.test_step(data)

    def train(self, mode: bool = True) -> FullyShardedModel:
        """Set the mode; to evaluate, all take process 0's statistics."""
        if self.parts and not mode:
            for buffer in self.module.buffers():
                broadcast(buffer)
        return super().train(mode)

    @contextmanager
    def gathered(self) -> Iterator[None]:
        """Let process 0 take state dicts alone, to save them.

        All processes enter it together. The others give away what they have
        and keep nothing.
        """
        self._gathered = {}
        try:
            for owner in (self.module, *self._optimizers):
                self._gathered[owner] = owner.state_dict()
            yield
        finally:
            self._gathered = None

    def whole_gradients(self) -> dict[str, Tensor]:
        """Return the gradients by name; all processes call it together."""
        return {
            name: self.whole(parameter.grad, parameter)
            for name, parameter in self.parts.items()
            if parameter.grad is not None
        }

    def take_gradients(self, gradients: Mapping[str, Tensor]) -> None:
        """Give each parameter its part of a whole gradient."""
        for name, gradient in gradients.items():
            parameter = self.parts[name]
            parameter.grad = self.part(gradient, parameter)

    def whole(self, value: Any, parameter: nn.Parameter) -> Any:
        """Return a value (weight, gradient, momentum) in its whole.

        Args:
            value: Of this parameter; other than sharded ones stay.
            parameter: One of the model's.
        """
        if not isinstance(value, DTensor):
            return value
        value = value.full_tensor()
        if parameter in self._numbers:
            value = value.reshape(())
        if self._gathered is not None:  # to be saved
            value = value.cpu() if is_main_process() else value.new_empty(0)
        return value

    def part(self, value: Tensor, parameter: Any) -> Tensor:
        """Return this process's part of a whole value; undoes :meth:`whole`.

        Args:
            value: The same in all processes; it is not communicated.
            parameter: Says how it is shared out: as ``fully_shard`` leaves
                it, a parameter that is a ``DTensor``.
        """
        return distribute_tensor(
            value.to(parameter.device).reshape(parameter.shape),
            parameter.device_mesh,
            parameter.placements,
            src_data_rank=None,
        )

    def _make_whole(
        self, module: nn.Module, state: dict, prefix: str, _: Any
    ) -> None:
        ready = (self._gathered or {}).get(module)
        for name, parameter in self.parts.items():
            key = prefix + name
            state[key] = (
                ready[name] if ready else self.whole(state[key], parameter)
            )

    def _take_parts(
        self, module: nn.Module, state: dict, prefix: str, *_: Any
    ) -> None:
        for name, parameter in self.parts.items():
            value = state.get(prefix + name)
            # What does not fit is PyTorch's to refuse.
            if self._is_like(value, parameter):
                state[prefix + name] = self.part(value, parameter)

    def _make_state_whole(
        self, optimizer: Optimizer, state: dict[str, Any]
    ) -> dict[str, Any]:
        ready = (self._gathered or {}).get(optimizer)
        if ready is not None:
            return ready
        parameters = _parameters_of(optimizer)
        whole = {
            number: {
                key: self.whole(value, parameters[number])
                for key, value in values.items()
            }
            for number, values in state['state'].items()
        }
        return {**state, 'state': whole}

    def _take_state(
        self, optimizer: Optimizer, state: dict[str, Any]
    ) -> dict[str, Any]:
        parameters = _parameters_of(optimizer)
        parts = {
            number: {
                key: self.part(value, parameters[number])
                if self._is_like(value, parameters[number]) and key != 'step'
                else value
                for key, value in values.items()
            }
            for number, values in state['state'].items()
        }
        return {**state, 'state': parts}

    def _is_like(
        self, value: Any, parameter: nn.Parameter
    ) -> TypeGuard[Tensor]:
        shape = () if parameter in self._numbers else parameter.shape
        return isinstance(value, Tensor) and value.shape == shape

    def _memory(self) -> str:
        """Say what each process holds; all call it together."""
        parts = list(self.parts.values())
        states = [
            value
            for optimizer in self._optimizers
            for values in optimizer.state.values()
            for value in values.values()
            if isinstance(value, Tensor)
        ]
        lines = [
            f'process {number}: {weights / MIB:.2f} MiB of weights, '
            f'{state / MIB:.2f} MiB of optimizer state'
            + (f', at most {peak / MIB:.0f} MiB so far' if peak else '')
            for number, (weights, state, peak) in enumerate(
                all_gather_object(
                    (_size(parts), _size(states), _peak(parts[0].device))
                )
            )
        ]
        whole = sum(p.numel() * p.element_size() for p in parts)
        return '\n'.join(
            [f'FullyShardedModel shares {whole / MIB:.2f} MiB out', *lines]
        )


@contextmanager
def gathered(model: nn.Module) -> Iterator[None]:
    """Let process 0 save a model and its optimizers, sharded or not."""
    with model.gathered() if is_sharded(model) else nullcontext():
        yield


def is_sharded(model: nn.Module) -> bool:
    """Tell whether each process holds a part of a model only."""
    return isinstance(model, FullyShardedModel) and bool(model.parts)


def _make_shardable(module: nn.Module) -> list[str]:
    """Make weights what FSDP2 takes: contiguous, of one dimension or more.

    Returns:
        Names of the weights that were single numbers.
    """
    numbers = []
    for name, parameter in list(module.named_parameters()):
        if parameter.dim() == 0:
            owner, _, own_name = name.rpartition('.')
            row = nn.Parameter(
                parameter.detach().reshape(1), parameter.requires_grad
            )
            setattr(module.get_submodule(owner), own_name, row)
            numbers.append(name)
        else:
            parameter.data = parameter.data.contiguous()
    return numbers


def _units_of(
    module: nn.Module, patterns: Sequence[str] | None
) -> list[nn.Module]:
    """Return what is sharded apart, the inner ones first."""
    if patterns is None:
        backbone = getattr(module, 'backbone', nn.Module())
        neck = getattr(module, 'neck', None)
        blocks = [b for b in _blocks(backbone) if _learns(b)]
        return blocks + ([neck] if neck is not None and _learns(neck) else [])
    named = dict(module.named_modules())
    for pattern in patterns:
        if not any(fnmatchcase(name, pattern) for name in named):
            raise UserError(
                f'FullyShardedModel.units: no module matches {pattern!r}: '
                f'{did_you_mean(pattern, named)}'
            )
    return [
        part
        for name, part in reversed(named.items())
        if any(fnmatchcase(name, pattern) for pattern in patterns)
    ]


def _blocks(module: nn.Module) -> Iterator[nn.Module]:
    """Yield what stands in the outermost lists of a network."""
    for child in module.children():
        if isinstance(child, (nn.ModuleList, nn.Sequential)):
            yield from child.children()
        else:
            yield from _blocks(child)


def _learns(module: nn.Module) -> bool:
    """Tell whether a part must run in every step.

    A frozen one may be left out in some processes, where its features are
    kept from before.
    """
    return any(parameter.requires_grad for parameter in module.parameters())


def _parameters_of(optimizer: Optimizer) -> list[nn.Parameter]:
    return [p for group in optimizer.param_groups for p in group['params']]


def _size(tensors: Sequence[Tensor]) -> int:
    local = [t.to_local() if isinstance(t, DTensor) else t for t in tensors]
    return sum(tensor.numel() * tensor.element_size() for tensor in local)


def _peak(device: torch.device) -> int:
    """Return the most bytes that were in use, 0 where nobody counts."""
    if device.type != 'cuda':
        return 0
    return torch.cuda.max_memory_allocated(device)
