"""Weights are loaded completely or not at all.

mmengine's runner loads whatever names happen to agree and logs the rest, so
that the checkpoint of another model leaves a model of random weights and
exit code 0. Here the two lists of names and shapes are compared first.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmengine.model import BaseTTAModel, is_model_wrapper
from torch import Tensor, nn

from mmmtl.engine.checkpoint_portrait import first_few, portrait
from mmmtl.engine.checkpoint_safety import read_checkpoint
from mmmtl.engine.user_errors import UserError


class ForeignCheckpointError(UserError):
    """The checkpoint belongs to another model."""


@dataclass(frozen=True)
class Comparison:
    """How the tensors of a checkpoint relate to those of a model.

    Attributes:
        matching: Number of names that agree in name and shape.
        missing: Names the model has and the checkpoint lacks.
        unexpected: Names the checkpoint has and the model lacks.
        misshapen: ``name: (shape in the file) for (shape in the model)``.
    """

    matching: int
    missing: tuple[str, ...]
    unexpected: tuple[str, ...]
    misshapen: tuple[str, ...]

    @property
    def is_exact(self) -> bool:
        """Whether every tensor has its counterpart."""
        return not (self.missing or self.unexpected or self.misshapen)

    def describe(self) -> str:
        """Return one line that lists the first few of each difference."""
        kinds = {
            'missing': self.missing,
            'unexpected': self.unexpected,
            'of another shape': self.misshapen,
        }
        parts = [
            f'{len(names)} {kind} ({first_few(names)})'
            for kind, names in kinds.items()
            if names
        ]
        return f'{self.matching} tensors match, ' + ', '.join(parts)


def load_checkpoint_strict(
    model: nn.Module, path: str | Path
) -> dict[str, Any]:
    """Load a checkpoint into a model if every tensor fits, else refuse.

    Args:
        model: The model to fill; wrappers (DDP, test-time augmentation) are
            looked through.
        path: A local checkpoint; read without running code from it.

    Returns:
        The whole checkpoint, with its ``meta`` where it has one.

    Raises:
        ForeignCheckpointError: Names or shapes differ; the model is
            untouched.
        UnsafeCheckpointError: The file contains code.
        UnreadableCheckpointError: The file is missing or damaged.
    """
    checkpoint = read_checkpoint(path)
    check_fits(model, checkpoint, path)
    bare_model(model).load_state_dict(state_dict_of(checkpoint, path))
    return checkpoint


def check_fits(
    model: nn.Module, checkpoint: Mapping[str, Any], path: str | Path
) -> None:
    """Refuse a checkpoint that is not exactly this model's.

    Args:
        model: The model the checkpoint is meant for.
        checkpoint: Content of the file.
        path: The file, for the error text.

    Raises:
        ForeignCheckpointError: Names or shapes differ, or the order of the
            tasks where it belongs to the weights.
    """
    state = state_dict_of(checkpoint, path)
    check_task_order(model, state, path)
    found = compare(model, state)
    if not found.is_exact:
        raise ForeignCheckpointError(
            f'checkpoint {path} is not of this model '
            f'({_kind(model)}): {found.describe()}. '
            f'{portrait(checkpoint, state)} Fix: use the config the '
            'checkpoint was trained with'
        )


def check_task_order(
    model: nn.Module, state: Mapping[str, Tensor], path: str | Path
) -> None:
    """Refuse weights of the model's tasks in another order.

    Args:
        model: The model the checkpoint is meant for.
        state: The tensors of the checkpoint.
        path: The file, for the error text.

    Raises:
        ForeignCheckpointError: Names both orders.
    """
    for name, module in bare_model(model).named_modules():
        # A module with weights of its own order says what is in conflict.
        conflict = getattr(module, 'conflict', None)
        problem = conflict and conflict(state, f'{name}.')
        if problem:
            raise ForeignCheckpointError(f'checkpoint {path}: {problem}')


def _kind(model: nn.Module) -> str:
    """Name the model, and its head where the method shows there."""
    model = bare_model(model)
    head = getattr(model, 'decode_head', None)
    name = type(model).__name__
    return name if head is None else f'{name} with {type(head).__name__}'


def compare(model: nn.Module, state: Mapping[str, Tensor]) -> Comparison:
    """Compare names and shapes of a model's tensors with a state dict's."""
    own = bare_model(model).state_dict()
    common = [name for name in own if name in state]
    misshapen = tuple(
        f'{name}: {tuple(state[name].shape)} for {tuple(own[name].shape)}'
        for name in common
        if state[name].shape != own[name].shape
    )
    return Comparison(
        matching=len(common) - len(misshapen),
        missing=tuple(name for name in own if name not in state),
        unexpected=tuple(name for name in state if name not in own),
        misshapen=misshapen,
    )


def bare_model(model: nn.Module) -> nn.Module:
    """Return the model inside wrappers: DDP, test-time augmentation."""
    while is_model_wrapper(model) or isinstance(model, BaseTTAModel):
        model = model.module
    return model


def state_dict_of(
    checkpoint: Mapping[str, Any], path: str | Path
) -> dict[str, Tensor]:
    """Return the named tensors of a checkpoint, without DDP's ``module.``.

    Args:
        checkpoint: Content of the file: tensors by name, or a dict that has
            them under ``state_dict``.
        path: The file, for the error text.
    """
    state = checkpoint.get('state_dict', checkpoint)
    tensors = isinstance(state, Mapping) and all(
        isinstance(value, Tensor) for value in state.values()
    )
    if not tensors or not state:
        raise ForeignCheckpointError(
            f'checkpoint {path} holds no tensors by name at its top or under '
            f"'state_dict'; its keys are: {first_few(checkpoint)}"
        )
    return {re.sub(r'^module\.', '', key): v for key, v in state.items()}
