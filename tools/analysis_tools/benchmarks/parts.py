"""How long the parts of a model take within a run of the whole."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from torch import nn

from mmmtl.models.layers.deform_conv import DeformConv

# The methods by which modules here are called. A head is not called but
# asked for a loss or a prediction, so hooks on `__call__` would miss it.
_ENTRIES = ('forward', 'self_attention')
DEFORM = 'all deformable convolutions'


class PartTimer:
    """Adds up the time spent in parts of a model, run by run."""

    def __init__(self, parts: Mapping[str, Iterable[nn.Module]]) -> None:
        """Time modules from now on.

        Args:
            parts: The modules of every part. Where one calls another, the
                part counts the outer call only; a module may be in several
                parts.
        """
        self._seconds = dict.fromkeys(parts, 0.0)
        self._inside = dict.fromkeys(parts, 0)
        for name, modules in parts.items():
            for module in modules:
                for entry in _ENTRIES:
                    if hasattr(module, entry):
                        timed = self._timed(name, getattr(module, entry))
                        # On this object alone, not on its class.
                        object.__setattr__(module, entry, timed)

    def drain(self) -> dict[str, float]:
        """Return the seconds per part since the last call."""
        seconds = dict(self._seconds)
        self._seconds = dict.fromkeys(seconds, 0.0)
        return seconds

    def _timed(
        self, name: str, function: Callable[..., Any]
    ) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            if self._inside[name]:
                return function(*args, **kwargs)
            self._inside[name] += 1
            start = _now()
            try:
                return function(*args, **kwargs)
            finally:
                self._seconds[name] += _now() - start
                self._inside[name] -= 1

        return call


def find_parts(model: nn.Module) -> dict[str, list[nn.Module]]:
    """Return the parts of a segmentor: its children, and theirs.

    Of the backbone only the whole is a part. Losses and preprocessing are
    none. Deformable convolutions are gathered from wherever they are.
    """
    parts = {}
    for name in ('backbone', 'neck', 'decode_head'):
        child = getattr(model, name, None)
        if child is None:
            continue
        parts[name] = [child]
        if name == 'backbone':
            continue
        for inner, module in child.named_children():
            if inner != 'losses':
                parts[f'{name}.{inner}'] = list(module.modules())
    deform = [m for m in model.modules() if isinstance(m, DeformConv)]
    if deform:
        parts[DEFORM] = deform
    return parts


def _now() -> float:
    if torch.cuda.is_initialized():
        torch.cuda.synchronize()
    return time.perf_counter()
