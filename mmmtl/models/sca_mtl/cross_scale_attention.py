"""Attention of each scale over all coarser ones (CSAM), and a neck with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmmtl.models.layers.conv_norm import NormConfig, conv_norm
from mmmtl.models.sca_mtl.cross_attention import CrossAttention
from mmmtl.registry import MODELS


@MODELS.register_module()
class CrossScaleAttention(BaseModule):
    """Every level attends to all coarser ones.

    With K levels of channels C_k, level k (0 the finest) comes out with
    ``(K - k) * C_k`` channels: its own feature, then the answers of the
    levels k + 1 to K - 1. The coarsest one stays as it is. For (18, 36, 72,
    144) that is (72, 108, 144, 144). With ``out_channels`` every level has
    that many.
    """

    def __init__(
        self,
        *,
        in_channels: Sequence[int],
        out_channels: int | None = None,
        norm_cfg: Mapping[str, Any] | None = None,
        init_cfg: Any = None,
    ) -> None:
        """Build attention and projections.

        Args:
            in_channels: Channels of the backbone's levels, finest first.
            out_channels: Width of every level that comes out, through a 1x1
                convolution; None leaves the widths named above.
            norm_cfg: The norms; BatchNorm if None.
            init_cfg: mmengine's initialisation config.
        """
        super().__init__(init_cfg=init_cfg)
        levels = len(in_channels)
        widths = tuple(
            width * (levels - level) for level, width in enumerate(in_channels)
        )
        self.cross_scale = CrossScale(in_channels, norm_cfg=norm_cfg)
        self.projections = None
        self.out_channels = widths
        if out_channels is not None:
            self.projections = nn.ModuleList(
                nn.Conv2d(width, out_channels, 1) for width in widths
            )
            self.out_channels = (out_channels,) * levels

    def forward(self, inputs: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """Attend across the levels.

        Args:
            inputs: Levels ``(B, C_k, h_k, w_k)``, finest first, of any size.

        Returns:
            As many levels of the same sizes; for channels see the class.
        """
        joined = [
            torch.cat([own, *answers], dim=1)
            for own, answers in zip(
                inputs, self.cross_scale(inputs), strict=True
            )
        ]
        if self.projections is None:
            return tuple(joined)
        return tuple(
            projection(level)
            for projection, level in zip(self.projections, joined, strict=True)
        )


class CrossScale(nn.Module):
    """A pyramid in, per level its answers from all coarser levels out."""

    def __init__(
        self, channels: Sequence[int], *, norm_cfg: NormConfig = None
    ) -> None:
        """Build reductions and one attention per level but the coarsest.

        Args:
            channels: Channels of each level, finest first.
            norm_cfg: The norms; BatchNorm if None.
        """
        super().__init__()
        targets = channels[:-1]
        self.attention = nn.ModuleList(
            CrossAttention(width, norm_cfg=norm_cfg) for width in targets
        )
        # reduce[k][j]: from level k + 1 + j to the channels of level k.
        self.reduce = nn.ModuleList(
            nn.ModuleList(
                conv_norm(source, width, norm_cfg=norm_cfg)
                for source in channels[level + 1 :]
            )
            for level, width in enumerate(targets)
        )

    def forward(self, pyramid: Sequence[Tensor]) -> list[list[Tensor]]:
        """Attend.

        Args:
            pyramid: Levels ``(B, C_k, h_k, w_k)``, finest first.

        Returns:
            Per level k the answers ``(B, C_k, h_k, w_k)`` from the levels
            k + 1, k + 2, ...; none for the coarsest.
        """
        answers = []
        for level, attention in enumerate(self.attention):
            sources = [
                reduce(coarser)
                for reduce, coarser in zip(
                    self.reduce[level], pyramid[level + 1 :], strict=True
                )
            ]
            answers.append(attention(pyramid[level], sources))
        return [*answers, []]
