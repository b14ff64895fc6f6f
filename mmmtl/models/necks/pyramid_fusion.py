"""One fine map out of a pyramid, for all tasks to share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch.nn.functional as F
from mmengine.model import BaseModule
from torch import Tensor

from mmmtl.models.layers.conv_norm import bottleneck
from mmmtl.models.layers.pyramid_projection import PyramidProjection
from mmmtl.registry import MODELS


@MODELS.register_module()
class PyramidFusion(BaseModule):
    """All levels added up at the size of the finest, then one convolution.

    ``smooth(relu(W concat_i(resize(x_i)) + b))`` with a 3x3 convolution, norm
    and ReLU as ``smooth``. mmseg's ``FPN`` makes as many maps as there are
    levels; heads that read the finest only would leave the other convolutions
    without a gradient.
    """

    def __init__(
        self,
        *,
        in_channels: Sequence[int],
        channels: int,
        norm_cfg: Mapping[str, Any] | None = None,
        init_cfg: Any = None,
    ) -> None:
        """Build the projection and the convolution.

        Args:
            in_channels: Channels of the backbone's levels, finest first.
            channels: Channels of the result.
            norm_cfg: The norm; BatchNorm if None.
            init_cfg: mmengine's initialisation config.
        """
        super().__init__(init_cfg=init_cfg)
        self.projection = PyramidProjection(in_channels, out_channels=channels)
        self.smooth = bottleneck(channels, channels, norm_cfg=norm_cfg)

    def forward(self, pyramid: Sequence[Tensor]) -> tuple[Tensor]:
        """Fuse levels ``(B, C_i, h_i, w_i)`` to one ``(B, C, h_0, w_0)``."""
        return (self.smooth(F.relu(self.projection(pyramid))),)
