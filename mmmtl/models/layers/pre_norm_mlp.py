"""LayerNorm and two linear layers."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn


class PreNormMlp(nn.Module):
    """``W2 gelu(W1 LayerNorm(x) + b1) + b2``, without a residual."""

    def __init__(self, channels: int, *, hidden_channels: int) -> None:
        """Build the layers.

        Args:
            channels: Width of input and output.
            hidden_channels: Width between the two linear layers.
        """
        super().__init__()
        self.norm = nn.LayerNorm(channels)
        self.fc1 = nn.Linear(channels, hidden_channels)
        self.fc2 = nn.Linear(hidden_channels, channels)

    def forward(self, tokens: Tensor) -> Tensor:
        """Map ``(..., C)`` to ``(..., C)``."""
        return self.fc2(F.gelu(self.fc1(self.norm(tokens))))
