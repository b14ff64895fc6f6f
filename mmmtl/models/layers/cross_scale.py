"""SCA-MTL's attention of each scale over all coarser ones (CSAM).

Source: Kim et al., "Sequential Cross Attention Based Multi-task Learning",
ICIP 2022; released code kimsunkyung/SCA_MTL at 8214866 (CC BY-NC 4.0).
Written anew from the equations.

Faithful:
    * A coarser map is brought to the target's channels by a 1x1 convolution
      with BatchNorm and keeps its size: this is what makes it cheap.
    * One cross-attention block per target scale, shared by its sources.
    * Every pair reads the features that came in; the coarsest scale attends
      to nothing. No residual, no projection of the answers.

Departs:
    * The query is computed once per target (see
      :mod:`mmmtl.models.layers.cross_attention`).
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from mmmtl.models.layers.conv_norm import NormConfig, conv_norm
from mmmtl.models.layers.cross_attention import CrossAttention


class CrossScale(nn.Module):
    """A pyramid in, per level its answers from all coarser levels out."""

    def __init__(
        self, channels: Sequence[int], *, norm_cfg: NormConfig = None
    ) -> None:
        """Build reductions and one attention per level but the coarsest.

        Args:
            channels: Channels of each level, finest first.
            norm_cfg: The norms; BatchNorm if None.
        """
        super().__init__()
        targets = channels[:-1]
        self.attention = nn.ModuleList(
            CrossAttention(width, norm_cfg=norm_cfg) for width in targets
        )
        # reduce[k][j]: from level k + 1 + j to the channels of level k.
        self.reduce = nn.ModuleList(
            nn.ModuleList(
                conv_norm(source, width, norm_cfg=norm_cfg)
                for source in channels[level + 1 :]
            )
            for level, width in enumerate(targets)
        )

    def forward(self, pyramid: Sequence[Tensor]) -> list[list[Tensor]]:
        """Attend.

        Args:
            pyramid: Levels ``(B, C_k, h_k, w_k)``, finest first.

        Returns:
            Per level k the answers ``(B, C_k, h_k, w_k)`` from the levels
            k + 1, k + 2, ...; none for the coarsest.
        """
        answers = []
        for level, attention in enumerate(self.attention):
            sources = [
                reduce(coarser)
                for reduce, coarser in zip(
                    self.reduce[level], pyramid[level + 1 :], strict=True
                )
            ]
            answers.append(attention(pyramid[level], sources))
        return [*answers, []]
