"""Where tests find the released arithmetic, written out step by step."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

_FOLDER = Path(__file__).resolve().parent.parent / 'tools' / 'analysis_tools'


def forms_of(model: nn.Module) -> Any:
    """Return the row of a segmentor's method: ``forms``, ``function``."""
    if str(_FOLDER) not in sys.path:
        sys.path.insert(0, str(_FOLDER))
    return importlib.import_module('benchmarks.methods').method_of(model)


def batch_norm(
    x: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """Batch normalisation of ``(B, C, h, w)`` by its formula.

    Stands in for ``F.batch_norm`` where gradients are compared, so that the
    reference needs no kernel of its own; running statistics stay.
    """
    mean, var = running_mean, running_var
    if training:
        mean = x.mean((0, 2, 3))
        var = (x - mean[:, None, None]).square().mean((0, 2, 3))
    scale = weight / torch.sqrt(var + eps)
    return (x - mean[:, None, None]) * scale[:, None, None] + bias[
        :, None, None
    ]


def instance_norm(
    x: Tensor,
    running_mean: Tensor | None = None,
    running_var: Tensor | None = None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    use_input_stats: bool = True,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """Instance normalisation of ``(B, C, h, w)``; see `batch_norm`."""
    centred = x - x.mean((2, 3), keepdim=True)
    var = centred.square().mean((2, 3), keepdim=True)
    scale = weight[:, None, None] / torch.sqrt(var + eps)
    return centred * scale + bias[:, None, None]


def fcn(head: nn.Module, pyramid: Sequence[Tensor]) -> list[Tensor]:
    """Logits of a ``PerTaskHeads``: resize, concatenate, convolve."""
    size = pyramid[0].shape[2:]
    joined = torch.cat(
        [F.interpolate(level, size, mode='bilinear') for level in pyramid],
        dim=1,
    )
    logits = []
    for decoder in head.decoders.values():
        conv, norm, _ = decoder.bottleneck
        hidden = batch_norm(
            F.conv2d(joined, conv.weight, padding=1),
            None,
            None,
            norm.weight,
            norm.bias,
            training=True,
        )
        last = decoder.classifier
        logits.append(F.conv2d(hidden.relu(), last.weight, last.bias))
    return logits
