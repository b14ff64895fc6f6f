"""Multiply-adds of a case: what it computes, whatever the machine."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from math import prod
from typing import Any

import torch
import torchvision.ops  # noqa: F401, makes its operators known to PyTorch
from torch import nn
from torch.nn.modules import module as torch_module
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
    counts = _count(case, _NoModules(), _PRODUCTS)
    # PyTorch counts the multiplication and the addition apart.
    return sum(counts['Global'].values()) // 2


@dataclass(frozen=True)
class Count:
    """Multiply-adds of a module.

    Attributes:
        products: Matrix products, convolutions and attention.
        sampling: Values read between pixels, four multiply-adds each:
            resizing, ``grid_sample``, deformable sampling.
    """

    products: int
    sampling: int


def count_by_module(
    model: nn.Module, case: Callable[[], Any]
) -> dict[str, Count]:
    """Run a case once and count the multiply-adds of every module.

    mmcv's compiled operators are not seen, so deformable convolutions must
    run by another back end.

    Args:
        model: What the case runs, without gradients.
        case: Runs it.

    Returns:
        By the module's name, ``''`` for the whole; modules without any are
        left out.
    """
    with _running_modules(model) as running:
        counts = _count(case, running, _PRODUCTS | _SAMPLING)
    counts[''] = counts.pop('Global')
    return {
        name: Count(
            products=sum(n for op, n in ops.items() if op not in _SAMPLING)
            // 2,
            sampling=sum(n for op, n in ops.items() if op in _SAMPLING) // 2,
        )
        for name, ops in counts.items()
    }


def _count(
    case: Callable[[], Any],
    modules: AbstractContextManager,
    operators: dict[Any, Callable[..., int]],
) -> dict[str, dict[Any, int]]:
    """Run a case and return the counts of operators by module."""
    counter: Any = FlopCounterMode(display=False, custom_mapping=operators)
    counter.mod_tracker = modules
    # The fused form of nn.MultiheadAttention is one operator, which PyTorch
    # does not count.
    fused = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with counter:
            case()
    finally:
        torch.backends.mha.set_fastpath_enabled(fused)
    return {'Global': {}, **counter.flop_counts}


@contextmanager
def _running_modules(model: nn.Module) -> Iterator[_NoModules]:
    """Keep the names of the modules that are running, as PyTorch's record."""
    names = {module: name for name, module in model.named_modules()}
    names.pop(model)
    record = _NoModules()
    stack: list[str] = []

    def enter(module: nn.Module, _: Any) -> None:
        if module in names:
            stack.append(names[module])
            record.parents = frozenset({'Global', *stack})

    def leave(module: nn.Module, _: Any, __: Any) -> None:
        if module in names:
            stack.pop()
            record.parents = frozenset({'Global', *stack})

    handles = [
        torch_module.register_module_forward_pre_hook(enter),
        torch_module.register_module_forward_hook(leave),
    ]
    try:
        yield record
    finally:
        for handle in handles:
            handle.remove()


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
_PRODUCTS: dict[Any, Callable[..., int]] = {
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


def _four_neighbours(*_: Any, out_shape: Shape, **__: Any) -> int:
    return 2 * 4 * prod(out_shape)


_SAMPLING: dict[Any, Callable[..., int]] = {
    operator: _four_neighbours
    for operator in (
        torch.ops.aten.upsample_bilinear2d,
        torch.ops.aten.grid_sampler_2d,
    )
}
