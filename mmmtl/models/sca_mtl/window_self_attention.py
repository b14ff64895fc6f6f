"""The neck: window attention within each level, and its blocks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from mmcv.cnn.bricks import DropPath
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmmtl.models.argument_checks import check_drop_path
from mmmtl.models.layers.windows import (
    RelativePositionBias,
    WindowGrid,
    attend,
)
from mmmtl.registry import MODELS


@MODELS.register_module()
class WindowSelfAttention(BaseModule):
    """A pyramid in; each level comes out after its own window attention.

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
                ``[0, 1)``; the rates rise evenly from 0.
            concat: Whether the level itself is concatenated after its
                attention's result; without, the result comes out alone.
            init_cfg: mmengine's initialisation config.

        Raises:
            ValueError: If the rate of stochastic depth is not in ``[0, 1)``.
        """
        super().__init__(init_cfg=init_cfg)
        check_drop_path(drop_path_rate=drop_path_rate)
        self.concat = concat
        self.out_channels = tuple(
            width * (2 if concat else 1) for width in in_channels
        )
        rates = [drop_path_rate * i / max(depth - 1, 1) for i in range(depth)]
        self.stages = nn.ModuleList(
            WindowAttentionStage(
                width,
                num_heads=largest_divisor(width, num_heads),
                window_size=window_size,
                drop_path_rates=rates,
            )
            for width in in_channels
        )

    def forward(self, inputs: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """Attend within each level.

        Args:
            inputs: Levels ``(B, C_i, h_i, w_i)``, finest first, of any size.

        Returns:
            Levels ``(B, 2 C_i, h_i, w_i)``, the attended half first; with
            ``C_i`` channels without ``concat``.
        """
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


class WindowAttentionStage(nn.Module):
    """Embedding, attention-only blocks, norm; the map's size stays."""

    def __init__(
        self,
        channels: int,
        *,
        num_heads: int,
        window_size: int,
        drop_path_rates: Sequence[float],
    ) -> None:
        """Build a block per drop rate.

        Args:
            channels: Width of input and output.
            num_heads: Heads of every block.
            window_size: Width of a window in pixels of the map.
            drop_path_rates: Rate of stochastic depth of each block.
        """
        super().__init__()
        self.embed = nn.Conv2d(channels, channels, 1)
        self.embed_norm = nn.LayerNorm(channels)
        self.blocks = nn.ModuleList(
            WindowAttentionBlock(
                channels,
                num_heads=num_heads,
                window_size=window_size,
                shift=window_size // 2 if index % 2 else 0,
                drop_path_rate=rate,
            )
            for index, rate in enumerate(drop_path_rates)
        )
        self.norm = nn.LayerNorm(channels)

    def forward(self, feature: Tensor) -> Tensor:
        """Map ``(B, C, h, w)`` to the same shape."""
        tokens = self.embed_norm(self.embed(feature).permute(0, 2, 3, 1))
        for block in self.blocks:
            tokens = block(tokens)
        return self.norm(tokens).permute(0, 3, 1, 2).contiguous()


class WindowAttentionBlock(nn.Module):
    """``x + DropPath(A(LN(x)))`` with A within windows."""

    def __init__(
        self,
        channels: int,
        *,
        num_heads: int,
        window_size: int,
        shift: int,
        drop_path_rate: float,
    ) -> None:
        """Build norm and attention.

        Args:
            channels: Width of input and output.
            num_heads: Heads; divides ``channels``.
            window_size: Width of a window in pixels of the map.
            shift: Pixels by which the windows are shifted.
            drop_path_rate: Rate of stochastic depth.
        """
        super().__init__()
        self.window_size, self.shift = window_size, shift
        self.norm = nn.LayerNorm(channels)
        self.attention = WindowAttention(
            channels, num_heads=num_heads, window_size=window_size
        )
        self.drop_path = DropPath(drop_path_rate)

    def forward(self, tokens: Tensor) -> Tensor:
        """Map ``(B, h, w, C)`` to the same shape."""
        grid = WindowGrid(
            tuple(tokens.shape[1:3]), window=self.window_size, shift=self.shift
        )
        answer = self.attention(self.norm(tokens), grid)
        return tokens + self.drop_path(answer)


class WindowAttention(nn.Module):
    """Multi-head attention with a learned bias per displacement."""

    def __init__(
        self, channels: int, *, num_heads: int, window_size: int
    ) -> None:
        """Build projections and the position bias.

        Args:
            channels: Width of tokens.
            num_heads: Heads; divides ``channels``.
            window_size: Width of a window.
        """
        super().__init__()
        self.num_heads = num_heads
        self.qkv = nn.Linear(channels, 3 * channels)
        self.proj = nn.Linear(channels, channels)
        self.bias = RelativePositionBias(window_size, num_heads=num_heads)

    def forward(self, tokens: Tensor, grid: WindowGrid) -> Tensor:
        """Attend within each window.

        Args:
            tokens: ``(B, h, w, C)``.
            grid: The windows of maps of this size.

        Returns:
            ``(B, h, w, C)``.
        """
        query, key, value = grid.split(
            self.qkv(tokens),
            fill=self.qkv.bias,
            parts=3,
            num_heads=self.num_heads,
        )
        mixed = attend(
            query, key, value, bias=self.bias(), mask=grid.mask(query)
        )
        return self.proj(grid.merge(mixed))
