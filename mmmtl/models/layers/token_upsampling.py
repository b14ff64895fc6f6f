"""From one level of a decoder to the next finer one.

Source: "MulT: An End-to-End Multitask Learning Transformer", Bhattacharjee
et al., CVPR 2022; released code IVRL/MulT at d71bcbe.

Faithful:
    * Streams are resized to the exact size of the next level, which matters
      where a side is odd: 15, 29, 58, 116 pixels in the released recipe, none
      of them twice the one before.
    * First resized, then normalised, then halved by a linear map without a
      bias.

Departs:
    * Not in anything known.
"""

from __future__ import annotations

from torch import Tensor, nn

from mmmtl.models.layers.resize import resize_bilinear
from mmmtl.models.layers.window_block import linear


class TokenUpsampling(nn.Module):
    """Resize to the next level's exact size, normalise, halve the channels."""

    def __init__(self, channels: int) -> None:
        """Build norm and linear map.

        Args:
            channels: Width before; an even number.
        """
        super().__init__()
        self.norm = nn.LayerNorm(channels)
        self.reduction = linear(channels, channels // 2, bias=False)

    def forward(self, stream: Tensor, size: tuple[int, int]) -> Tensor:
        """Upsample a stream.

        Args:
            stream: ``(B, h, w, C)``.
            size: ``(H, W)`` of the next level.

        Returns:
            ``(B, H, W, C / 2)``.
        """
        maps = resize_bilinear(stream.permute(0, 3, 1, 2), size)
        return self.reduction(self.norm(maps.permute(0, 2, 3, 1)))
