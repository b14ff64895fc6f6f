"""Multiply-adds of a case: what it computes, whatever the machine."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from math import prod
from typing import Any

import torch
import torchvision.ops  # noqa: F401, makes its operators known to PyTorch
from torch.utils.flop_counter import (
    FlopCounterMode,
    sdpa_backward_flop_count,
    sdpa_flop_count,
)

Shape = Sequence[int]


def count_multiply_adds(case: Callable[[], Any]) -> int:
    """Run a case once and count its multiply-adds.

    Counted: matrix products, convolutions, attention, and the products
    inside torchvision's deformable convolution, forward and backward.
    Not counted: sampling between pixels (resizing, ``grid_sample``,
    deformable sampling), norms, activations, softmax, additions, products
    with a single vector, and mmcv's compiled operators, which PyTorch does
    not see.

    Returns:
        Their number, each a multiplication with its addition.
    """
    counter: Any = FlopCounterMode(display=False, custom_mapping=_MORE)
    counter.mod_tracker = _NoModules()
    # The fused form of nn.MultiheadAttention is one operator, which PyTorch
    # does not count.
    fused = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with counter:
            case()
    finally:
        torch.backends.mha.set_fastpath_enabled(fused)
    # PyTorch counts the multiplication and the addition apart.
    return counter.get_total_flops() // 2


class _NoModules(AbstractContextManager):
    """Stands in for the counter's record of modules, which is not needed.

    That record fails on a module whose input is a view of a parameter.
    """

    parents = frozenset({'Global'})

    def __exit__(self, *_: object) -> None:
        """Nothing was changed."""


def _deform_conv(
    image: Shape, weight: Shape, *_: Any, out_shape: Shape, **__: Any
) -> int:
    """Every value of the result meets one filter, as in any convolution."""
    return 2 * prod(out_shape) * prod(weight[1:])


# What PyTorch's own table lacks.
_ATTENTION = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu
_ATTENTION_BACKWARD = (
    torch.ops.aten._scaled_dot_product_flash_attention_for_cpu_backward
)
_MORE: dict[Any, Callable[..., int]] = {
    _ATTENTION: lambda q, k, v, *_, **__: sdpa_flop_count(q, k, v),
    _ATTENTION_BACKWARD: lambda grad, q, k, v, *_, **__: (
        sdpa_backward_flop_count(grad, q, k, v)
    ),
    torch.ops.torchvision.deform_conv2d: _deform_conv,
    # Once for the gradient of the samples, once for that of the weight.
    torch.ops.torchvision._deform_conv2d_backward: (
        lambda grad, _, weight, *__, **___: 4 * prod(grad) * prod(weight[1:])
    ),
}
