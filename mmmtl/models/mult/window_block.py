"""A transformer block on windows in which streams share one attention map."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from mmcv.cnn.bricks import DropPath
from torch import Tensor, nn

from mmmtl.models.layers.windows import (
    RelativePositionBias,
    WindowGrid,
    attend,
)


class WindowBlock(nn.Module):
    """One attention map for all streams; each has all other layers alone.

    With a single stream this is a block of Swin, or, with query and key from
    the skip feature, the released code's form for one task.
    """

    def __init__(
        self,
        channels: int,
        *,
        streams: Sequence[str],
        reference: str | None,
        num_heads: int,
        window: int,
        shift: int,
        mlp_ratio: float,
        drop_path: float,
    ) -> None:
        """Build the block.

        Args:
            channels: Width of streams and skip feature.
            streams: Names of the streams.
            reference: Stream that query and key come from; None for the skip
                feature.
            num_heads: Heads; divides ``channels``.
            window: Side of a window in pixels.
            shift: Pixels by which the windows are shifted.
            mlp_ratio: Width of the MLP over ``channels``.
            drop_path: Probability that a residual is left out in training.
        """
        super().__init__()
        self.reference = reference
        self.num_heads = num_heads
        self.window = window
        self.shift = shift
        self.query_key = linear(channels, 2 * channels)
        self.bias = RelativePositionBias(window, num_heads=num_heads)
        self.streams = nn.ModuleDict(
            {
                name: StreamLayers(
                    channels, mlp_ratio=mlp_ratio, drop_path=drop_path
                )
                for name in streams
            }
        )

    def forward(
        self, streams: Mapping[str, Tensor], skip: Tensor
    ) -> dict[str, Tensor]:
        """Apply the block.

        Args:
            streams: ``{name: (B, H, W, C)}``; others than the block's own
                are ignored.
            skip: ``(B, H, W, C)`` feature of the encoder.

        Returns:
            The block's streams, ``{name: (B, H, W, C)}``.
        """
        grid = WindowGrid(
            tuple(skip.shape[1:3]), window=self.window, shift=self.shift
        )
        normed = {
            name: layers.norm1(streams[name])
            for name, layers in self.streams.items()
        }
        source = skip if self.reference is None else normed[self.reference]
        query, key = self._split(grid, source, self.query_key, parts=2)
        values = [
            self._split(grid, normed[name], layers.value)[0]
            for name, layers in self.streams.items()
        ]
        mixed = attend(
            query,
            key,
            values[0] if len(values) == 1 else torch.cat(values, dim=-1),
            bias=self.bias(),
            mask=grid.mask(query),
        ).split(query.shape[-1], dim=-1)
        return {
            name: layers.finish(streams[name], grid.merge(part))
            for (name, layers), part in zip(
                self.streams.items(), mixed, strict=True
            )
        }

    def _split(
        self, grid: WindowGrid, maps: Tensor, layer: nn.Linear, parts: int = 1
    ) -> Tensor:
        return grid.split(
            layer(maps),
            fill=layer.bias,
            parts=parts,
            num_heads=self.num_heads,
        )


class StreamLayers(nn.Module):
    """The layers of a block that every stream has for itself."""

    def __init__(
        self, channels: int, *, mlp_ratio: float, drop_path: float
    ) -> None:
        """Build norms, value, projection and MLP.

        Args:
            channels: Width of the stream.
            mlp_ratio: Width of the MLP over ``channels``.
            drop_path: Probability that a residual is left out in training.
        """
        super().__init__()
        hidden = int(mlp_ratio * channels)
        self.norm1 = nn.LayerNorm(channels)
        self.value = linear(channels, channels)
        self.projection = linear(channels, channels)
        self.norm2 = nn.LayerNorm(channels)
        self.mlp = nn.Sequential(
            linear(channels, hidden), nn.GELU(), linear(hidden, channels)
        )
        self.drop_path = DropPath(drop_path) if drop_path else nn.Identity()

    def finish(self, stream: Tensor, attended: Tensor) -> Tensor:
        """Add the attended values, then the MLP's residual.

        Args:
            stream: ``(B, H, W, C)`` as it came in.
            attended: ``(B, H, W, C)`` mixed values.

        Returns:
            ``(B, H, W, C)``.
        """
        stream = stream + self.drop_path(self.projection(attended))
        return stream + self.drop_path(self.mlp(self.norm2(stream)))


def linear(inputs: int, outputs: int, *, bias: bool = True) -> nn.Linear:
    """Return a linear layer that starts as those of Swin.

    Weights at N(0, 0.02) cut at two units, biases at 0. Set here and not in
    ``init_weights``, which would overwrite what an ``init_cfg`` of type
    Pretrained has loaded.

    Args:
        inputs: Channels that come in.
        outputs: Channels that come out.
        bias: Whether there is a bias.
    """
    layer = nn.Linear(inputs, outputs, bias=bias)
    nn.init.trunc_normal_(layer.weight, std=0.02)
    if bias:
        nn.init.zeros_(layer.bias)
    return layer
