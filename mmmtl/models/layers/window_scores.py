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

    A fused kernel need not store the map, so it is taken where there may be
    one: on a GPU, and on a CPU without gradients. For the gradient of the
    bias PyTorch has none on a CPU, and its way around is no faster than the
    products written out: median processor time of one thread, two blocks of
    18 channels and 6 heads at 120x160, with gradients 240 against 195 ms; six
    tasks side by side, 300 ms both. Without gradients the kernel takes 72
    and the products 104 ms. Not measured on a GPU. One call per task would
    take four times as long as one for six.

    Args:
        query: ``(B, G, heads, N, d)``.
        key: As the query.
        value: ``(B, G, heads, N, e)``.
        bias: ``(heads, N, N)``.
        mask: ``(G, N, N)``, or None.

    Returns:
        ``(B, G, heads, N, e)``.
    """
    added = bias if mask is None else bias + mask[:, None]
    if torch.is_grad_enabled() and query.device.type == 'cpu':
        scores = query * query.shape[-1] ** -0.5 @ key.transpose(-1, -2)
        # In place: at fine levels the map is the largest tensor of the model.
        return F.softmax(scores.add_(added), dim=-1) @ value
    groups, heads = query.shape[1:3]
    # Windows and heads go on one axis, over which bias and mask are spelled
    # out; over the batch they are broadcast and not copied.
    added = added.expand(groups, heads, *bias.shape[1:])
    mixed = F.scaled_dot_product_attention(
        query.flatten(1, 2),
        key.flatten(1, 2),
        value.flatten(1, 2),
        attn_mask=added.flatten(0, 1)[None],
    )
    return mixed.unflatten(1, (groups, heads))
