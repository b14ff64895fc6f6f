"""LoRA: a backbone that learns through small matrices beside its own.

Paper: "LoRA: Low-Rank Adaptation of Large Language Models", Hu et al., ICLR
2022. The layers are those of peft (Hugging Face, Apache 2.0).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import nn

from mmmtl.errors import UserError

_ADAPTER = 'default'  # peft's name for the only one


def add_lora(backbone: nn.Module, config: Mapping[str, Any]) -> None:
    """Put adapters into a backbone; only they have a gradient afterwards.

    Args:
        backbone: Changed in place.
        config: Arguments of peft's ``LoraConfig``: ``r``, ``lora_alpha``,
            ``target_modules`` (the last parts of layers' names), ...

    Raises:
        UserError: peft is not installed.
        ValueError: No layer has such a name, or it is of a kind that peft
            has no adapters for.
    """
    try:
        from peft import LoraConfig, inject_adapter_in_model
    except ImportError as error:
        raise UserError(
            'model.lora needs peft, which is not installed: pip install '
            "'mmmtl[lora]'"
        ) from error
    inject_adapter_in_model(LoraConfig(**config), backbone, _ADAPTER)


def reset_lora(backbone: nn.Module) -> None:
    """Let the adapters start anew: they add zero.

    An ``init_cfg`` for all linear layers would have initialised theirs, too.
    """
    from peft.tuners.lora import LoraLayer

    for layer in backbone.modules():
        if isinstance(layer, LoraLayer):
            layer.reset_lora_parameters(_ADAPTER, init_lora_weights=True)


def merge_lora(backbone: nn.Module) -> int:
    """Add the adapters to the weights beside them, and remove them.

    The backbone computes the same, within rounding, and its tensors have
    their published names again.

    Returns:
        The number of layers that had an adapter.
    """
    layers = _adapted_layers(backbone)
    for name, layer in layers:
        parent, _, last = name.rpartition('.')
        setattr(backbone.get_submodule(parent), last, _merged(layer))
    return len(layers)


def _merged(layer: Any) -> nn.Module:
    # torch's own attention is one layer of several weights.
    if hasattr(layer, 'unload_and_optionally_merge_module'):
        return layer.unload_and_optionally_merge_module(
            merge=True, safe_merge=True, adapter_names=None
        )
    layer.merge(safe_merge=True)  # refuses values that are not finite
    return layer.get_base_layer()


def _adapted_layers(backbone: nn.Module) -> list[tuple[str, Any]]:
    from peft.tuners.lora import LoraLayer

    found: list[tuple[str, Any]] = []
    for name, module in backbone.named_modules():
        # The projection of torch's own attention has its adapter inside.
        inside = found and name.startswith(f'{found[-1][0]}.')
        if isinstance(module, LoraLayer) and not inside:
            found.append((name, module))
    return found
