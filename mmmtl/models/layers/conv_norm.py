"""Convolutions with their norms, up to the last layers of a task."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mmcv.cnn import build_norm_layer
from torch import Tensor, nn

from mmmtl.registry import call_in_scope

NormConfig = Mapping[str, Any] | None


def conv_norm(
    in_channels: int,
    out_channels: int,
    *,
    norm_cfg: NormConfig,
    kernel_size: int = 1,
) -> nn.Sequential:
    """Build the two layers; the size of a map stays.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the result.
        norm_cfg: The norm; BatchNorm if None.
        kernel_size: Odd width of the kernel.

    Returns:
        Convolution at 0, norm at 1.
    """
    return nn.Sequential(
        nn.Conv2d(
            in_channels,
            out_channels,
            kernel_size,
            padding=kernel_size // 2,
            bias=False,
        ),
        build_norm(norm_cfg, out_channels),
    )


def build_norm(norm_cfg: NormConfig, channels: int) -> nn.Module:
    """Build a norm; BatchNorm if its config is None."""
    config = dict(type='BN') if norm_cfg is None else dict(norm_cfg)
    return call_in_scope(build_norm_layer, config, channels)[1]


def bottleneck(
    in_channels: int, channels: int, *, norm_cfg: NormConfig
) -> nn.Sequential:
    """Build 3x3 convolution, norm and ReLU, at 0, 1 and 2."""
    return nn.Sequential(
        *conv_norm(in_channels, channels, norm_cfg=norm_cfg, kernel_size=3),
        nn.ReLU(inplace=True),
    )


class OutputLayers(nn.Module):
    """The layers that make a task's logits of its feature.

    3x3 convolution, norm, ReLU, 1x1 convolution. The weights of the last one
    start at N(0, 0.01), everything else at PyTorch's defaults. They are set
    here and not in ``init_weights``, which would overwrite what an
    ``init_cfg`` of type Pretrained has loaded.
    """

    def __init__(
        self,
        in_channels: int,
        *,
        channels: int,
        out_channels: int,
        initial_bias: float = 0.0,
        norm_cfg: NormConfig = None,
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
        self.bottleneck = bottleneck(in_channels, channels, norm_cfg=norm_cfg)
        self.classifier = nn.Conv2d(channels, out_channels, 1)
        nn.init.normal_(self.classifier.weight, std=0.01)
        bias = self.classifier.get_parameter('bias')
        nn.init.constant_(bias, initial_bias)

    def forward(self, feature: Tensor) -> Tensor:
        """Return ``(B, K, h, w)`` logits of a ``(B, C, h, w)`` feature."""
        return self.classifier(self.bottleneck(feature))
