"""Gives the levels of a backbone the widths that a method expects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mmengine.model import BaseModule
from torch import Tensor, nn

from mmmtl.models.layers.conv_norm import conv_norm
from mmmtl.registry import MODELS


@MODELS.register_module()
class LevelProjection(BaseModule):
    """A 1x1 convolution and a norm per level, each to a width of its own.

    Without an activation: the methods' own layers follow. mmdet's
    ``ChannelMapper`` has one width for all levels; MulT's decoders need
    widths that double.
    """

    def __init__(
        self,
        *,
        in_channels: Sequence[int],
        out_channels: Sequence[int],
        norm_cfg: Mapping[str, Any] | None = None,
        init_cfg: Any = None,
    ) -> None:
        """Build a projection per level.

        Args:
            in_channels: Channels of the backbone's levels, finest first.
            out_channels: Channels of the result, as many.
            norm_cfg: The norm; BatchNorm if None.
            init_cfg: mmengine's initialisation config.
        """
        super().__init__(init_cfg=init_cfg)
        self.levels = nn.ModuleList(
            conv_norm(wide, narrow, norm_cfg=norm_cfg)
            for wide, narrow in zip(in_channels, out_channels, strict=True)
        )

    def forward(self, pyramid: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """Project each level ``(B, C_i, h_i, w_i)``; the sizes stay."""
        return tuple(
            project(level)
            for project, level in zip(self.levels, pyramid, strict=True)
        )
