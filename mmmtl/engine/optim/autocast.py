"""Mixed precision where mmengine's wrapper has none: on a CPU."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

import torch
from mmengine.optim import OptimWrapper
from torch import nn
from torch.optim import Optimizer

from mmmtl.registry import OPTIM_WRAPPERS

Precision = Literal['bfloat16', 'float16']


@contextmanager
def autocast(model: nn.Module, precision: Precision | None) -> Iterator[None]:
    """Run a forward pass in lower precision, on whatever device it runs.

    Args:
        model: Its first parameter tells the device.
        precision: None leaves float32.
    """
    device = next(model.parameters()).device.type
    dtype = precision and getattr(torch, precision)
    with torch.autocast(device, dtype=dtype, enabled=precision is not None):
        yield


@OPTIM_WRAPPERS.register_module()
class AutocastOptimWrapper(OptimWrapper):
    """Mixed precision in bfloat16, which needs no loss scaling.

    It runs on CPUs, too, where mmengine's ``AmpOptimWrapper`` refuses to.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        *,
        accumulative_counts: int = 1,
        clip_grad: dict[str, Any] | None = None,
    ) -> None:
        """See mmengine's ``OptimWrapper``."""
        super().__init__(optimizer, accumulative_counts, clip_grad)

    @contextmanager
    def optim_context(self, model: nn.Module) -> Iterator[None]:
        """Run the forward pass in bfloat16."""
        with super().optim_context(model), autocast(model, 'bfloat16'):
            yield
