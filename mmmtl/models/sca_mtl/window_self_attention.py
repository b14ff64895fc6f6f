"""SCA-MTL's self-attention in the feature extractor.

Source: Kim et al., "Sequential Cross Attention Based Multi-task Learning",
ICIP 2022; released code kimsunkyung/SCA_MTL at 8214866 (CC BY-NC 4.0).
Written anew from the equations.

Faithful:
    * Per level, weights of its own: two attention-only window blocks, plain
      then shifted, 6 heads, windows of 7, stochastic depth rising from 0 to
      0.2. Their result is concatenated before the level itself.
    * No convolution after the concatenation. (Descriptions of the paper
      mention one; the released code has none.)

Departs:
    * Where 6 heads do not divide a level, it gets the most that do.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmmtl.models.layers.argument_checks import (
    check_counts,
    check_flags,
    check_in_channels,
    check_rates,
)
from mmmtl.models.layers.level_check import check_level_channels
from mmmtl.models.sca_mtl.window_attention import WindowAttentionStage
from mmmtl.registry import MODELS


@MODELS.register_module()
class WindowSelfAttention(BaseModule):
    """A pyramid in, the pyramid beside its self-attended self out.

    In mmseg's own EncoderDecoder the levels are checked at the first forward;
    MultiTaskSegmentor checks them when the model is built.

    Attributes:
        out_channels: Channels of each level that comes out: twice
            ``in_channels`` with ``concat``, else the same.
    """

    def __init__(
        self,
        *,
        in_channels: Sequence[int],
        window_size: int = 7,
        num_heads: int = 6,
        depth: int = 2,
        drop_path_rate: float = 0.2,
        concat: bool = True,
        init_cfg: Any = None,
    ) -> None:
        """Build the blocks of each level.

        Args:
            in_channels: Channels of the backbone's levels, finest first.
            window_size: Width of a window in pixels of the level.
            num_heads: Most heads of a level; it gets the largest number up
                to this that divides its channels.
            depth: Blocks per level; every second one is shifted.
            drop_path_rate: Rate of stochastic depth of the last block, in
                0..1 without 1; the rates rise evenly from 0.
            concat: Whether each level follows its attended self; False
                leaves the latter alone, with the channels that came in.
            init_cfg: mmengine's initialisation config.

        Raises:
            ValueError: If there is no level, or one of the numbers is out
                of its range.
        """
        super().__init__(init_cfg=init_cfg)
        self.in_channels = check_in_channels(in_channels)
        check_counts(depth=depth, num_heads=num_heads, window_size=window_size)
        check_flags(concat=concat)
        check_rates(drop_path_rate=drop_path_rate)
        self.concat = concat
        self.out_channels = tuple(
            width * (2 if concat else 1) for width in self.in_channels
        )
        rates = [drop_path_rate * i / max(depth - 1, 1) for i in range(depth)]
        self.stages = nn.ModuleList(
            WindowAttentionStage(
                width,
                num_heads=largest_divisor(width, num_heads),
                window_size=window_size,
                drop_path_rates=rates,
            )
            for width in self.in_channels
        )

    def forward(self, inputs: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """Attend within each level.

        Args:
            inputs: Levels ``(B, C_i, h_i, w_i)``, finest first, of any size.

        Returns:
            Levels ``(B, 2 C_i, h_i, w_i)``, the attended half first.

        Raises:
            ValueError: If the levels do not have the configured channels.
        """
        check_level_channels(inputs, self.in_channels)
        attended = [
            stage(level)
            for stage, level in zip(self.stages, inputs, strict=True)
        ]
        if not self.concat:
            return tuple(attended)
        return tuple(
            torch.cat(pair, dim=1)
            for pair in zip(attended, inputs, strict=True)
        )


def largest_divisor(number: int, limit: int) -> int:
    """Return the largest divisor of a number up to a limit of 1 or more."""
    return next(n for n in range(limit, 0, -1) if number % n == 0)
