"""Layers written out by their formulas, as several methods have them.

Each takes the weights of one of our layers.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def to_tokens(maps: Tensor) -> Tensor:
    """``(B, C, h, w)`` to ``(B, N, C)``."""
    return maps.flatten(2).transpose(1, 2)


def to_map(tokens: Tensor, size: Sequence[int]) -> Tensor:
    """``(B, N, C)`` to ``(B, C, h, w)``."""
    return tokens.transpose(1, 2).unflatten(2, tuple(size))


def resize(maps: Tensor, like: Tensor) -> Tensor:
    """Bilinearly to the height and width of another map."""
    return F.interpolate(
        maps, like.shape[2:], mode='bilinear', align_corners=False
    )


def joined(pyramid: Sequence[Tensor]) -> Tensor:
    """All levels at the size of the first, beside each other."""
    return torch.cat([resize(level, pyramid[0]) for level in pyramid], dim=1)


def output_block(
    bottleneck: nn.Sequential, classifier: nn.Conv2d, maps: Tensor
) -> Tensor:
    """3x3 convolution, norm, ReLU, 1x1 convolution."""
    conv, norm, _ = bottleneck
    hidden = F.batch_norm(
        F.conv2d(maps, conv.weight, padding=1),
        norm.running_mean,
        norm.running_var,
        norm.weight,
        norm.bias,
        training=norm.training,
    ).relu_()
    return F.conv2d(hidden, classifier.weight, classifier.bias)


def fcn(head: nn.Module, pyramid: Sequence[Tensor]) -> list[Tensor]:
    """Logits ``(B, K, h, w)`` of a ``PerTaskHeads``."""
    maps = joined(pyramid)
    return [
        output_block(decoder.bottleneck, decoder.classifier, maps)
        for decoder in head.decoders.values()
    ]


def multi_head(attention: nn.Module) -> nn.MultiheadAttention:
    """PyTorch's attention with the very parameters of one of ours.

    Sequence first, without dropout: what the released DeMT and
    MQTransformer feed with batch-first tensors.
    """
    channels = attention.out_proj.in_features
    plain = nn.MultiheadAttention(channels, attention.num_heads)
    plain.in_proj_weight = attention.in_proj_weight
    plain.in_proj_bias = attention.in_proj_bias
    plain.out_proj = attention.out_proj
    return plain


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
