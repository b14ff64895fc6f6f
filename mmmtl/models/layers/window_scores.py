"""Attention within windows, with a learned bias by relative position."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class RelativePositionBias(nn.Module):
    """One number per head and per displacement within a window."""

    def __init__(self, window: int, *, num_heads: int) -> None:
        """Create the table, at N(0, 0.02) cut at two units as in Swin.

        Args:
            window: Side of a window.
            num_heads: Heads.
        """
        super().__init__()
        self.table = nn.Parameter(
            torch.empty((2 * window - 1) ** 2, num_heads)
        )
        nn.init.trunc_normal_(self.table, std=0.02)
        # Follows from the window's side, so checkpoints do not hold it.
        self.register_buffer(
            'index', relative_position_index(window), persistent=False
        )

    def forward(self) -> Tensor:
        """Return ``(heads, N, N)``, queries by keys."""
        return self.table[self.index].permute(2, 0, 1)


def relative_position_index(window: int) -> Tensor:
    """Return ``(N, N)`` rows of the table, for every query and key.

    Convention:
        As in Swin: displacement of the query from the key, downwards first.
    """
    place = torch.arange(window * window)
    row, column = place // window, place % window
    down = row[:, None] - row + window - 1
    right = column[:, None] - column + window - 1
    return down * (2 * window - 1) + right


def attend(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    *,
    bias: Tensor,
    mask: Tensor | None,
) -> Tensor:
    """Attend within windows: one softmax, however wide the values are.

    The values of several tasks stand side by side on the last axis, so their
    common map is computed once and kept once for the backward pass.

    Windows and heads go on one axis, over which bias and mask are spelled
    out; over the batch they are broadcast and not copied.

    Measured on one core, forward and backward, 6 tasks, 2 images of 100
    windows with 49 tokens and 3 heads: 50 ms; with the products written out
    43 ms; with one call per task 192 ms. The one call stays because fused
    kernels of a GPU need not store the map.

    Args:
        query: ``(B, G, heads, N, d)``.
        key: As the query.
        value: ``(B, G, heads, N, e)``.
        bias: ``(heads, N, N)``.
        mask: ``(G, N, N)``, or None.

    Returns:
        ``(B, G, heads, N, e)``.
    """
    groups = query.shape[1]
    if mask is None:
        added = bias.expand(groups, *bias.shape)
    else:
        added = bias + mask[:, None]
    mixed = F.scaled_dot_product_attention(
        query.flatten(1, 2),
        key.flatten(1, 2),
        value.flatten(1, 2),
        attn_mask=added.flatten(0, 1)[None],
    )
    return mixed.unflatten(1, (groups, -1))
