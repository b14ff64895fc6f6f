"""SCA-MTL's output of one task from all scales.

Source: Kim et al., "Sequential Cross Attention Based Multi-task Learning",
ICIP 2022; released code kimsunkyung/SCA_MTL at 8214866 (CC BY-NC 4.0).
Written anew from the equations.

Faithful:
    * Per level and coarser level the pair (own feature, answer), all resized
      (bilinear) to the finest level and concatenated with the coarsest
      feature; 1x1 convolution with bias to the same width, BatchNorm, ReLU,
      1x1 convolution. With HRNet18 the width is the released 1080.

Departs:
    * The width follows from the pyramid: ``sum_k 2 C_k (K - 1 - k) +
      C_(K-1)``.
    * A 1x1 convolution and a bilinear resize commute, so each level is
      projected at its own size by its columns of the weight, then resized
      and added; of a level's own feature, which stands in every pair, the
      columns are added up. The same result with about a fifth of the
      multiplications.
    * The bias of the last layer starts at ``initial_bias`` (0 if none).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmmtl.models.decode_heads.task_outputs import TaskOutput
from mmmtl.models.layers.conv_norm import NormConfig, build_norm
from mmmtl.models.layers.cross_scale import CrossScale
from mmmtl.models.layers.pyramid_projection import project_levels
from mmmtl.models.layers.repeated_columns import fold_repeats


class ScaleAggregation(nn.Module):
    """Cross-scale attention, aggregation, and the logits of one task."""

    def __init__(
        self,
        channels: Sequence[int],
        *,
        output: TaskOutput,
        with_attention: bool = True,
        norm_cfg: NormConfig = None,
    ) -> None:
        """Build the layers.

        Args:
            channels: Channels of each level, finest first.
            output: What is predicted.
            with_attention: Whether the levels attend to the coarser ones;
                without, they are aggregated alone.
            norm_cfg: The norms; BatchNorm if None.
        """
        super().__init__()
        coarser = range(len(channels) - 1, -1, -1)
        # Columns of the weight by level: pairs, and the coarsest alone.
        self.columns = [
            2 * width * count if count and with_attention else width
            for width, count in zip(channels, coarser, strict=True)
        ]
        width = sum(self.columns)
        self.cross_scale = (
            CrossScale(channels, norm_cfg=norm_cfg)
            if with_attention
            else _NoAnswers()
        )
        self.linear = nn.Linear(width, width)
        self.norm = build_norm(norm_cfg, width)
        self.classifier = nn.Conv2d(width, output.channels, 1)
        nn.init.constant_(self.classifier.bias, output.initial_bias)

    def forward(self, pyramid: Sequence[Tensor]) -> Tensor:
        """Predict from a task's pyramid.

        Args:
            pyramid: Levels ``(B, C_k, h_k, w_k)``, finest first.

        Returns:
            ``(B, K, h_0, w_0)`` logits.
        """
        return self.aggregate(pyramid, self.cross_scale(pyramid))

    def aggregate(
        self, pyramid: Sequence[Tensor], answers: Sequence[Sequence[Tensor]]
    ) -> Tensor:
        """Predict from a task's pyramid and its attention across scales.

        Args:
            pyramid: As in :meth:`forward`.
            answers: What ``cross_scale`` gives.

        Returns:
            As :meth:`forward`.
        """
        weights = self.linear.weight.split(self.columns, dim=1)
        total = project_levels(
            (
                (
                    torch.cat([own, *others], dim=1),
                    fold_repeats(weight, len(others)),
                )
                for own, others, weight in zip(
                    pyramid, answers, weights, strict=True
                )
            ),
            self.linear.bias,
        )
        return self.classifier(F.relu(self.norm(total), inplace=True))


class _NoAnswers(nn.Module):
    """Stands where :class:`CrossScale` would: no level is answered."""

    def forward(self, pyramid: Sequence[Tensor]) -> list[list[Tensor]]:
        return [[] for _ in pyramid]
