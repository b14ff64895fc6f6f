"""Attention of one map over another at a cost linear in their pixels.

Source: the "global context attention" of ATRC, which SCA-MTL uses across
tasks and across scales.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmmtl.models.layers.conv_norm import NormConfig, conv_norm
from mmmtl.models.layers.gradients import contiguous_gradient

# Least normaliser: pixels that all keys ignore get 0, not NaN.
EPSILON = 1e-12


def linear_attention(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """Average values with weights ``q_i . k_j / sum_j q_i . k_j``.

    Everything that depends on the keys is summed first, to a (D, C) matrix
    and a (C,) vector, so that no (N, M) matrix exists: O((N + M) C D).

    Args:
        query: ``(B, C, N)``, all >= 0.
        key: ``(B, C, M)``, all >= 0.
        value: ``(B, D, M)``.

    Returns:
        ``(B, D, N)``: each pixel is a convex combination of values.
    """
    summary = value @ key.transpose(1, 2)  # (B, D, C)
    total = key.sum(-1)[:, None]  # (B, 1, C)
    return (summary @ query) / (total @ query).clamp(min=EPSILON)


def softplus_attention(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """Attend between maps, in float32 or wider.

    Args:
        query: ``(B, C, h, w)``, before the softplus.
        key: ``(B, C, h', w')``, before the softplus.
        value: ``(B, D, h', w')``.

    Returns:
        ``(B, D, h, w)`` in the type of ``value``.
    """
    wide = torch.promote_types(value.dtype, torch.float32)
    with torch.autocast(value.device.type, enabled=False):
        mixed = linear_attention(
            F.softplus(contiguous_gradient(query).flatten(2).to(wide)),
            F.softplus(contiguous_gradient(key).flatten(2).to(wide)),
            contiguous_gradient(value).flatten(2).to(wide),
        )
    return mixed.to(value.dtype).unflatten(2, tuple(query.shape[2:]))


class CrossAttention(nn.Module):
    """One target map attends over source maps of any size."""

    def __init__(self, channels: int, *, norm_cfg: NormConfig = None) -> None:
        """Build the projections.

        Args:
            channels: Width of target, sources and result.
            norm_cfg: The norms; BatchNorm if None.
        """
        super().__init__()

        def projection() -> nn.Sequential:
            return conv_norm(channels, channels, norm_cfg=norm_cfg)

        def relu() -> nn.ReLU:
            return nn.ReLU(inplace=True)

        self.query = nn.Sequential(projection(), relu(), projection())
        self.key = nn.Sequential(projection(), relu(), projection())
        self.value = nn.Sequential(projection(), relu())
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.xavier_uniform_(module.weight)

    def forward(
        self, target: Tensor, sources: Sequence[Tensor]
    ) -> list[Tensor]:
        """Attend over each source alone.

        Args:
            target: ``(B, C, h, w)``.
            sources: Maps ``(B, C, h_j, w_j)``.

        Returns:
            Per source a ``(B, C, h, w)``.
        """
        query = self.query(target)
        return [
            softplus_attention(query, self.key(source), self.value(source))
            for source in sources
        ]
