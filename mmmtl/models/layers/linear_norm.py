"""A linear map followed by LayerNorm, DeMT's "SMLP"."""

from __future__ import annotations

from torch import Tensor, nn


class LinearNorm(nn.Module):
    """``LayerNorm(W x + b)``, with its linear part open for folding."""

    def __init__(self, channels: int) -> None:
        """Build the two layers.

        Args:
            channels: Width of input and output.
        """
        super().__init__()
        self.linear = nn.Linear(channels, channels)
        self.norm = nn.LayerNorm(channels)

    def forward(self, tokens: Tensor) -> Tensor:
        """Map ``(..., C)`` to ``(..., C)``."""
        return self.norm(self.linear(tokens))
