"""Attention across tasks at one scale (CTAM)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import torch
from torch import Tensor, nn

from mmmtl.models.layers.conv_norm import NormConfig
from mmmtl.models.sca_mtl.cross_attention import CrossAttention
from mmmtl.models.sca_mtl.residual_block import ResidualBlock, fold_repeats

Fusion = Literal['shared', 'per_task']
_SHARED = 'all'


class CrossTaskAttention(nn.Module):
    """Every target task attends to all other tasks.

    Targets may be fewer than the tasks: at the finest scale the features of a
    task that is only supervised at intermediate scales are not used again.
    """

    def __init__(
        self,
        channels: int,
        *,
        tasks: Sequence[str],
        targets: Sequence[str],
        fusion: Fusion,
        norm_cfg: NormConfig = None,
    ) -> None:
        """Build a block per ordered pair and the fusion.

        Args:
            channels: Width of the features.
            tasks: All tasks, at least two; the sources of every target.
            targets: Tasks whose features are wanted.
            fusion: ``shared`` or ``per_task``, see
                :mod:`mmmtl.models.sca_mtl`.
            norm_cfg: The norms; BatchNorm if None.
        """
        super().__init__()
        self.tasks, self.targets = tuple(tasks), tuple(targets)
        self.attention = nn.ModuleDict(
            {
                target: nn.ModuleDict(
                    {
                        source: CrossAttention(channels, norm_cfg=norm_cfg)
                        for source in self.sources_of(target)
                    }
                )
                for target in self.targets
            }
        )
        self.fusion = nn.ModuleDict(
            {
                name: ResidualBlock(
                    2 * channels * (len(self.tasks) - 1),
                    out_channels=channels,
                    norm_cfg=_slow(norm_cfg),
                )
                for name in ([_SHARED] if fusion == 'shared' else self.targets)
            }
        )

    def sources_of(self, target: str) -> list[str]:
        """Return the other tasks in the order of the concatenation."""
        return [task for task in reversed(self.tasks) if task != target]

    def forward(self, features: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Let every target attend to all other tasks.

        Args:
            features: ``{task: (B, C, h, w)}`` of all tasks.

        Returns:
            ``{target: (B, C, h, w)}``.
        """
        # The released code concatenates (own, A1, own, A2, ...), A of the
        # other tasks; here own occurs once, and the weights are folded.
        pairs = len(self.tasks) - 1
        weights = {
            name: tuple(
                fold_repeats(weight, pairs) for weight in block.entry_weights
            )
            for name, block in self.fusion.items()
        }
        result = {}
        for target in self.targets:
            own = features[target]
            parts = [own]
            for source in self.sources_of(target):
                attention = self.attention[target][source]
                parts += attention(own, [features[source]])
            name = target if target in self.fusion else _SHARED
            added = self.fusion[name](torch.cat(parts, dim=1), weights[name])
            result[target] = own + added
        return result


def _slow(norm_cfg: NormConfig) -> NormConfig:
    """Return the norm with HRNet's momentum, unless it has one."""
    config = dict(norm_cfg or dict(type='BN'))
    # A GroupNorm or LayerNorm has no momentum.
    return {'momentum': 0.01} | config if 'BN' in config['type'] else config
