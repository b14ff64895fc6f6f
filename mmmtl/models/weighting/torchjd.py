"""What weightings and gradient aggregation share of torchjd.

torchjd (TorchJD, MIT) is an extra: ``pip install 'mmmtl[balancing]'``.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from importlib import import_module
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from mmmtl.errors import UserError, did_you_mean

# torchjd's names for the number of tasks, which the model knows.
_COUNTS = ('shape', 'n_tasks')


def build_torchjd(
    room: str,
    base: str,
    config: Mapping[str, Any],
    num_tasks: int,
    dtype: torch.dtype = torch.float32,
) -> nn.Module:
    """Build an object of torchjd from a config.

    Args:
        room: ``aggregation`` or ``scalarization``.
        base: The base class there: ``Aggregator`` or ``Scalarizer``.
        config: ``type`` is torchjd's name of a class, the rest are its
            arguments. Lists become tensors. Where the class wants the number
            of tasks, it is filled in.
        num_tasks: The number of tasks.
        dtype: Of those tensors.

    Raises:
        UserError: torchjd is not installed, or has no such class.
    """
    try:
        module = import_module(f'torchjd.{room}')
    except ImportError as error:
        raise UserError(
            f'{config["type"]} comes from torchjd, which is not installed: '
            "pip install 'mmmtl[balancing]'"
        ) from error
    classes = {
        name: item
        for name, item in vars(module).items()
        if inspect.isclass(item)
        and issubclass(item, getattr(module, base))
        and not inspect.isabstract(item)
    }
    name = config['type']
    if name not in classes:
        raise UserError(
            f'torchjd.{room} has no {name!r}: {did_you_mean(name, classes)}'
        )
    arguments = {
        key: torch.tensor(value, dtype=dtype)
        if isinstance(value, (list, tuple))
        else value
        for key, value in config.items()
        if key != 'type'
    }
    wanted = inspect.signature(classes[name]).parameters
    counts = {key: num_tasks for key in _COUNTS if key in wanted}
    return classes[name](**(counts | arguments))


def plain_state(module: nn.Module) -> dict[str, dict[str, Any]]:
    """Return what torchjd's stateful parts remember between steps.

    They keep it in plain attributes, arrays and buffers. NashMTL keeps the
    problem that it solves as well, which is built again from the rest.
    """
    kept = {}
    for path, part in module.named_modules():
        own = vars(part).keys() - vars(nn.Module()).keys()
        memory = {name: vars(part)[name] for name in own}
        memory |= dict(part._buffers)
        plain = {
            name: torch.tensor(value) if _is_array(value) else value
            for name, value in memory.items()
            if _is_array(value) or _is_plain(value)
        }
        stateful = callable(getattr(part, 'reset', None))
        if stateful and (len(plain) == len(memory) or _solves(part)):
            kept[path] = plain
    return kept


def load_plain_state(
    module: nn.Module, state: Mapping[str, Mapping[str, Any]]
) -> None:
    """Take up what :func:`plain_state` gave."""
    parts = dict(module.named_modules())
    for path, memory in state.items():
        part = parts[path]
        for name, value in memory.items():
            array = _is_array(getattr(part, name, None))
            setattr(part, name, value.numpy() if array else value)
        # It builds its problem in its first step alone.
        if _solves(part) and part.step:
            part._init_optim_problem()


def _solves(part: nn.Module) -> bool:
    return hasattr(part, '_init_optim_problem')


def _is_array(value: object) -> bool:
    return isinstance(value, np.ndarray)


def _is_plain(value: object) -> bool:
    if isinstance(value, (list, tuple)):
        return all(_is_plain(item) for item in value)
    plain = (Tensor, bool, int, float, str, torch.dtype, type(None))
    return isinstance(value, plain)
