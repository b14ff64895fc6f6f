"""Attention of one map over another at a cost linear in their pixels.

Source: the "global context attention" of ATRC (Bruggemann et al., ICCV 2021),
which SCA-MTL (Kim et al., "Sequential Cross Attention Based Multi-task
Learning", ICIP 2022; released code kimsunkyung/SCA_MTL at 8214866, CC BY-NC
4.0) uses across tasks and across scales. Written anew from the equations.

Faithful:
    * Query and key are two 1x1 convolutions each, the value is one; all with
      BatchNorm and without bias. No heads, no positions, no scaling, no
      output projection, no residual.
    * Softplus of query and key in the place of a softmax of their products,
      and a normaliser of at least 1e-12.
    * The convolutions start Xavier-uniform.

Departs:
    * The sums over pixels are at least float32 under autocast: they add up
      to some 20,000 positive terms.
    * One query serves all sources of a target that share a block. The
      released code computes it anew for each, with the same result; its
      BatchNorms of the query then see the same batch several times, so their
      running statistics move faster in training. Here they move once.
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
