"""Weights by the names that their publisher gave them.

Two libraries put parts into the names of a backbone's tensors: peft's
adapters (``qkv.base_layer.weight``) and timm's ``features_only=True``
(``timm_model.model.blocks``, or ``stages_0`` for ``stages.0``). Published
files know nothing of them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from mmmtl.errors import UserError


def plain_name(name: str) -> str:
    """Return a tensor's name without what those libraries put into it."""
    name = name.replace('.base_layer.', '.')
    name = re.sub(r'\btimm_model\.model\.', 'timm_model.', name)
    return re.sub(r'\b(timm_model\.[a-z]+)_(\d+)\.', r'\1.\2.', name)


def as_named_in(
    module: nn.Module, state: Mapping[str, Tensor]
) -> dict[str, Tensor]:
    """Return tensors by the names that a module has for them.

    Args:
        module: Its tensors' names are looked at.
        state: Tensors by published names, or by the module's own. Those that
            the module does not know keep their names.

    Raises:
        UserError: Two of them get one name; either may be meant.
    """
    own = {plain_name(name): name for name in module.state_dict()}
    named: dict[str, Tensor] = {}
    for given, tensor in state.items():
        name = own.get(plain_name(given), given)
        if name in named:
            raise UserError(
                f'the weights hold {plain_name(given)} twice, under its '
                'published name and under one that a library gave it: remove '
                'those that are not meant'
            )
        named[name] = tensor
    return named


def accept_plain_names(module: nn.Module) -> None:
    """Make whatever loads weights into a module find published names."""
    module._register_load_state_dict_pre_hook(_rename, with_module=True)


def _rename(
    module: nn.Module, state: dict[str, Tensor], prefix: str, *_: Any
) -> None:
    given = {
        name.removeprefix(prefix): state.pop(name)
        for name in list(state)
        if name.startswith(prefix)
    }
    for name, tensor in as_named_in(module, given).items():
        state[prefix + name] = tensor
