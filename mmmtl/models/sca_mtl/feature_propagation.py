"""SCA-MTL's path from one scale to the next finer one (FPMA).

Source: Kim et al., "Sequential Cross Attention Based Multi-task Learning",
ICIP 2022; released code kimsunkyung/SCA_MTL at 8214866 (CC BY-NC 4.0), after
the feature propagation of MTI-Net (Vandenhende et al., ECCV 2020). Written
anew from the equations.

Faithful:
    * One un-shifted window-attention block over all tasks' channels gives a
      mask, a residual block shrinks what it lets through to one shared
      feature, and each task weighs that by squeeze and excitation.
    * ``view='channel_major'``: the tasks' channels are concatenated task
      after task, but the softmax "over the tasks" views them as (C, T), so
      it runs over T neighbouring channels instead. MTI-Net has it so, and
      the published weights need it. ``'task_major'`` views them as (T, C),
      which is what the published figure shows.

Departs:
    * Below 16 channels the squeeze keeps one instead of none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import torch
from torch import Tensor, nn

from mmmtl.models.layers.argument_checks import check_heads
from mmmtl.models.layers.conv_norm import NormConfig
from mmmtl.models.sca_mtl.residual_block import ResidualBlock
from mmmtl.models.sca_mtl.window_attention import WindowAttentionStage

View = Literal['channel_major', 'task_major']
VIEWS = ('channel_major', 'task_major')
_SQUEEZE = 16


class FeaturePropagation(nn.Module):
    """``{task: feature}`` in, what the next finer scale gets out."""

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
            view: ``channel_major`` or ``task_major``.
            num_heads: Heads of the attention; divides tasks times channels.
            window_size: Width of its windows.
            norm_cfg: Norms of the shared block; BatchNorm if None.

        Raises:
            ValueError: If the heads do not divide.
        """
        super().__init__()
        joined = len(tasks) * channels
        check_heads(
            num_heads,
            joined,
            remark=f'{len(tasks)} tasks of {channels} channels',
        )
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
