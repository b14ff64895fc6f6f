"""DeMT's offsets: an affine function of position plus a learned part."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

_TAPS = 9


class AbsoluteOffsets(nn.Module):
    """One sampling offset (dy, dx) per input channel and pixel.

    Source: DeMT (Xu et al., AAAI 2023), released code
    yangyangxu0/DeMT at b638e14, the offset module of the deformable mixer.

    Faithful:
        * The second convolution sees absolute pixel indices, counted from 1
          and not normalised, so trained offsets belong to one resolution
          (107x140 for NYUD, 128x128 for PASCAL-Context).
        * Its two groups: the offsets of the first half of the channels
          depend on rows only, of the second half on columns only.
        * At initialisation offsets are tens of pixels, not zero.

    Departs:
        * The backward hook meant to lower the learning rate of ``learned``
          has no effect in the released code and is left out.

    Convention:
        Offsets in pixels, ordered (dy, dx) per channel, as torchvision and
        mmcv have them.
    """

    def __init__(self, channels: int) -> None:
        """Create the two convolutions.

        Args:
            channels: Channels of the feature that is sampled; even.

        Raises:
            ValueError: If the number is odd: the two groups share it.
        """
        super().__init__()
        if channels % 2:
            raise ValueError(f'channels={channels}: give an even number')
        self.learned = nn.Conv2d(channels, 2 * _TAPS, 3, padding=1)
        self.expand = nn.Conv2d(
            2 * _TAPS, 2 * channels, 3, padding=1, groups=2
        )
        nn.init.zeros_(self.learned.weight)

    def forward(self, features: Tensor) -> Tensor:
        """Compute offsets.

        Args:
            features: ``(B, C, h, w)``.

        Returns:
            ``(B, 2 C, h, w)`` in pixels, in the precision of the weights
            also under autocast.
        """
        learned = self.learned(features)
        weight, bias = self.expand.weight, self.expand.bias
        # Sums of pixel indices reach hundreds: bfloat16 would move the
        # places by half a pixel.
        with torch.autocast(features.device.type, enabled=False):
            places = learned.to(weight.dtype)
            places = places + _absolute_taps(features).to(weight.dtype)
            return F.conv2d(places, weight, bias, padding=1, groups=2)


def _absolute_taps(features: Tensor) -> Tensor:
    """Return the indices that a 3x3 kernel reads around each pixel.

    Args:
        features: ``(B, C, h, w)``, for the size and the device.

    Returns:
        ``(1, 18, h, w)``: nine row indices, then nine column indices, in
        row-major order of the taps; pixels are counted from 1.
    """
    height, width = features.shape[-2:]
    step = torch.arange(-1, 2, device=features.device)
    row = torch.arange(1, height + 1, device=features.device)
    column = torch.arange(1, width + 1, device=features.device)
    rows = step.repeat_interleave(3)[:, None, None] + row[:, None]
    columns = step.repeat(3)[:, None, None] + column
    return torch.cat(
        [rows.expand(-1, -1, width), columns.expand(-1, height, -1)]
    )[None]
