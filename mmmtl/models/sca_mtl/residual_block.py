"""ResNet's basic block without stride, whose first weights can be folded."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmmtl.models.layers.conv_norm import NormConfig, conv_norm

#: Weights of the first convolution and of the shortcut's.
EntryWeights = tuple[Tensor, Tensor]


class ResidualBlock(nn.Module):
    """``ReLU(norm(conv(ReLU(norm(conv(x))))) + shortcut(x))``, 3x3.

    The shortcut is the identity where the channels stay, else a 1x1
    convolution with a norm. Not mmseg's ``BasicBlock``, whose weights cannot
    be exchanged for a call.
    """

    def __init__(
        self,
        in_channels: int,
        *,
        out_channels: int,
        norm_cfg: NormConfig = None,
    ) -> None:
        """Build the convolutions.

        Args:
            in_channels: Channels of the input.
            out_channels: Channels of the result.
            norm_cfg: The norms; BatchNorm if None.
        """
        super().__init__()
        self.entry = conv_norm(
            in_channels, out_channels, norm_cfg=norm_cfg, kernel_size=3
        )
        self.exit = conv_norm(
            out_channels, out_channels, norm_cfg=norm_cfg, kernel_size=3
        )
        self.shortcut: Any = (
            None
            if in_channels == out_channels
            else conv_norm(in_channels, out_channels, norm_cfg=norm_cfg)
        )

    @property
    def entry_weights(self) -> EntryWeights:
        """Weights of the two convolutions that read the input.

        There are two where the channels change: an identity has no weight.
        """
        return self.entry[0].weight, self.shortcut[0].weight

    def forward(
        self, feature: Tensor, weights: EntryWeights | None = None
    ) -> Tensor:
        """Map ``(B, C, h, w)`` to ``(B, D, h, w)``.

        Args:
            feature: The input.
            weights: Taken instead of :attr:`entry_weights`. Where an input
                would repeat channels, the caller leaves the repetitions out
                and folds the weights: the same result at less cost.

        Returns:
            The result.
        """
        if self.shortcut is None:
            inner, past = self.entry(feature), feature
        else:
            entry, shortcut = weights or self.entry_weights
            inner = self.entry[1](F.conv2d(feature, entry, padding=1))
            past = self.shortcut[1](F.conv2d(feature, shortcut))
        inner = self.exit(F.relu(inner, inplace=True))
        return F.relu(inner + past, inplace=True)


def fold_repeats(weight: Tensor, pairs: int) -> Tensor:
    """Make a weight for (X, A1, X, A2, ...) fit (X, A1, A2, ...).

    With the columns U_i of the copies of X and V_i of A_i::

        sum_i (U_i X + V_i A_i) = (sum_i U_i) X + sum_i V_i A_i

    Args:
        weight: ``(D, 2 C pairs, ...)``, of a linear layer or a convolution;
            with fewer than two pairs it is returned as it is.
        pairs: Number of pairs.

    Returns:
        ``(D, C (1 + pairs), ...)``.
    """
    if pairs < 2:
        return weight
    own, other = weight.unflatten(1, (pairs, 2, -1)).unbind(2)
    return torch.cat([own.sum(1), other.flatten(1, 2)], dim=1)
