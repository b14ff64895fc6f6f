"""The output block of the released models: 3x3 convolution, then logits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mmcv.cnn import build_norm_layer
from torch import Tensor, nn

from mmmtl.registry import call_in_scope


class ConvOutput(nn.Module):
    """3x3 convolution, norm, ReLU, 1x1 convolution.

    The weights of the last layer start at N(0, 0.01), everything else at
    PyTorch's defaults. They are set here and not in ``init_weights``, which
    would overwrite what an ``init_cfg`` of type Pretrained has loaded.
    """

    def __init__(
        self,
        in_channels: int,
        *,
        channels: int,
        out_channels: int,
        initial_bias: float = 0.0,
        norm_cfg: Mapping[str, Any] | None = None,
    ) -> None:
        """Build the two convolutions.

        Args:
            in_channels: Channels of the feature.
            channels: Width between the two.
            out_channels: Channels of the logits.
            initial_bias: Where the bias of the last layer starts.
            norm_cfg: The norm; BatchNorm if None.
        """
        super().__init__()
        norm = call_in_scope(
            build_norm_layer, dict(norm_cfg or dict(type='BN')), channels
        )[1]
        self.bottleneck = nn.Sequential(
            nn.Conv2d(in_channels, channels, 3, padding=1, bias=False),
            norm,
            nn.ReLU(inplace=True),
        )
        self.classifier = nn.Conv2d(channels, out_channels, 1)
        nn.init.normal_(self.classifier.weight, std=0.01)
        nn.init.constant_(self.classifier.bias, initial_bias)

    def forward(self, feature: Tensor) -> Tensor:
        """Return ``(B, K, h, w)`` logits of a ``(B, C, h, w)`` feature."""
        return self.classifier(self.bottleneck(feature))
