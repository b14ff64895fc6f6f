"""The path from one scale to the next finer one (FPMA)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import torch
from torch import Tensor, nn

from mmmtl.models.layers.conv_norm import NormConfig
from mmmtl.models.sca_mtl.residual_block import ResidualBlock
from mmmtl.models.sca_mtl.window_self_attention import WindowAttentionStage

View = Literal['channel_major', 'task_major']
_SQUEEZE = 16


class FeaturePropagation(nn.Module):
    """From one scale's task features to what the next finer scale gets."""

    def __init__(
        self,
        channels: int,
        *,
        tasks: Sequence[str],
        view: View,
        num_heads: int,
        window_size: int,
        norm_cfg: NormConfig = None,
    ) -> None:
        """Build attention, shared block and squeezes.

        Args:
            channels: Width of the features.
            tasks: All tasks, in the order of the concatenation.
            view: ``channel_major`` or ``task_major``, see
                :mod:`mmmtl.models.sca_mtl`.
            num_heads: Heads of the attention; divides tasks times channels.
            window_size: Width of its windows.
            norm_cfg: Norms of the shared block; BatchNorm if None.
        """
        super().__init__()
        joined = len(tasks) * channels
        self.tasks, self.view = tuple(tasks), view
        self.attention = WindowAttentionStage(
            joined,
            num_heads=num_heads,
            window_size=window_size,
            drop_path_rates=(0.0,),
        )
        self.shared = ResidualBlock(
            joined, out_channels=channels, norm_cfg=norm_cfg
        )
        self.squeezes = nn.ModuleDict(
            {task: _squeeze(channels) for task in self.tasks}
        )

    def forward(self, features: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Propagate.

        Args:
            features: ``{task: (B, C, h, w)}`` of all tasks.

        Returns:
            The same shapes.
        """
        joined = torch.cat([features[task] for task in self.tasks], dim=1)
        scores, axis = self.attention(joined), 1
        shape = (len(self.tasks), -1)
        if self.view == 'channel_major':
            shape, axis = shape[::-1], 2
        mask = scores.unflatten(1, shape).softmax(axis).flatten(1, 2)
        shared = self.shared(mask * joined)
        mean = shared.mean((2, 3))
        return {
            task: shared * self.squeezes[task](mean)[..., None, None]
            + features[task]
            for task in self.tasks
        }


def _squeeze(channels: int) -> nn.Sequential:
    width = max(1, channels // _SQUEEZE)
    return nn.Sequential(
        nn.Linear(channels, width),
        nn.ReLU(inplace=True),
        nn.Linear(width, channels),
        nn.Sigmoid(),
    )
