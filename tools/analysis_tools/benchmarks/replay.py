"""The layers of a network, each run alone on what it was fed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

# Modules that are one operator although they have children: their products
# of queries, keys and values are in no leaf.
_UNITS = {'WindowMSA', 'MultiheadAttention'}


def record_leaves(
    network: nn.Module, image: Tensor
) -> Callable[[Tensor], list[Tensor]]:
    """Record a network's layers, to be timed without what is between them.

    Args:
        network: A backbone.
        image: Its input (B, 3, H, W).

    Returns:
        A function that runs all layers on their recorded inputs and returns
        their outputs. Its argument is not used: it stands where the network
        takes its image.
    """
    calls: list[tuple[nn.Module, tuple]] = []

    def note(module: nn.Module, inputs: tuple, keywords: dict) -> None:
        values = [*inputs, *keywords.values()]
        calls.append((module, tuple(_copy(v, module) for v in values)))

    hooks = [
        module.register_forward_pre_hook(note, with_kwargs=True)
        for module in _leaves(network)
    ]
    with torch.no_grad():
        network(image)
    for hook in hooks:
        hook.remove()
    return lambda image: [module(*inputs) for module, inputs in calls]


def _copy(value: Any, module: nn.Module) -> Any:
    """Copy a tensor, with a gradient where the network would need one."""
    if not isinstance(value, Tensor):
        return value
    # What is changed in place must not be a leaf with a gradient.
    wanted = value.is_floating_point() and not getattr(
        module, 'inplace', False
    )
    return value.detach().clone().requires_grad_(wanted)


def _leaves(module: nn.Module) -> list[nn.Module]:
    children = list(module.children())
    if not children or type(module).__name__ in _UNITS:
        return [module]
    return [leaf for child in children for leaf in _leaves(child)]
