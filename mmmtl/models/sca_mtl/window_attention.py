"""Blocks of Swin Transformer that consist of their attention alone.

Source: SCA-MTL (Kim et al., ICIP 2022; released code kimsunkyung/SCA_MTL at
8214866, CC BY-NC 4.0), after "Swin Transformer", Liu et al., ICCV 2021.
Written anew from the equations.

Faithful:
    * A 1x1 convolution and LayerNorm, blocks ``x + DropPath(A(LN(x)))``
      without a feed-forward part, a final LayerNorm. Every second block
      shifts its windows by half their width.
    * Maps are padded with 0 after the norm; the padding takes part as keys.
    * Bias tables start truncated normal (0.02), the rest at PyTorch's
      defaults.

Departs:
    * The second norm of each block, which the released code carries and
      never uses, does not exist here.
"""

from __future__ import annotations

from collections.abc import Sequence

from mmcv.cnn.bricks import DropPath
from torch import Tensor, nn

from mmmtl.models.layers.argument_checks import check_counts, check_heads
from mmmtl.models.layers.windows import (
    RelativePositionBias,
    WindowGrid,
    attend,
)


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

        Raises:
            ValueError: If the heads do not divide the width or the window
                has no pixel.
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

        Raises:
            ValueError: See :class:`WindowAttentionStage`.
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

        Raises:
            ValueError: See :class:`WindowAttentionStage`.
        """
        super().__init__()
        check_heads(num_heads, channels)
        check_counts(window_size=window_size)
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
