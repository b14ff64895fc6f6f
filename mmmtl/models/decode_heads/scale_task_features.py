"""Task features and initial predictions at one scale, after PAD-Net.

Source: SCA-MTL (Kim et al., ICIP 2022; released code kimsunkyung/SCA_MTL at
8214866, CC BY-NC 4.0), where they are those of MTI-Net. Written anew.
"""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn

from mmmtl.models.decode_heads.task_outputs import TaskOutput
from mmmtl.models.layers.conv_norm import NormConfig
from mmmtl.models.layers.residual_block import ResidualBlock


class ScaleTaskFeatures(nn.Module):
    """Two residual blocks per task, and a prediction from their result."""

    def __init__(
        self,
        in_channels: int,
        *,
        channels: int,
        outputs: Mapping[str, TaskOutput],
        norm_cfg: NormConfig = None,
    ) -> None:
        """Build blocks and predictions.

        Args:
            in_channels: Channels that come in.
            channels: Width of the task features.
            outputs: What is predicted for each task.
            norm_cfg: The norms; BatchNorm if None.
        """
        super().__init__()
        self.blocks = nn.ModuleDict(
            {
                task: nn.Sequential(
                    ResidualBlock(
                        in_channels, out_channels=channels, norm_cfg=norm_cfg
                    ),
                    ResidualBlock(
                        channels, out_channels=channels, norm_cfg=norm_cfg
                    ),
                )
                for task in outputs
            }
        )
        self.predictions = nn.ModuleDict(
            {
                task: nn.Conv2d(channels, output.channels, 1)
                for task, output in outputs.items()
            }
        )
        for task, output in outputs.items():
            nn.init.constant_(self.predictions[task].bias, output.initial_bias)

    def forward(self, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Refine ``{task: (B, C_in, h, w)}`` to ``{task: (B, C, h, w)}``."""
        return {
            task: block(inputs[task]) for task, block in self.blocks.items()
        }

    def predict(self, features: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Predict ``{task: (B, K, h, w)}`` from refined features."""
        return {
            task: layer(features[task])
            for task, layer in self.predictions.items()
        }
