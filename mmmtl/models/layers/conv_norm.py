"""A convolution without bias and the norm that follows it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mmcv.cnn import build_norm_layer
from torch import Tensor, nn

from mmmtl.models.layers.argument_checks import check_layer_config
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
    """Build a norm.

    Args:
        norm_cfg: The norm; BatchNorm if None.
        channels: Channels that it normalises.

    Returns:
        The layer.

    Raises:
        ValueError: If ``norm_cfg`` is no config of a layer.
    """
    if norm_cfg is None:
        norm_cfg = dict(type='BN')
    check_layer_config(norm_cfg=norm_cfg)
    config = dict(norm_cfg)
    return call_in_scope(build_norm_layer, config, channels)[1]


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
