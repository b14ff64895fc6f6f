"""Attention between a few queries and the many pixels of an image.

Source: the ``AnyAttention`` of the released code.

The plain formula, per head of width d, for tokens x that look at tokens y::

    q = Wq LNq(x + position),  k_s = Wk LNk(y_s + position),  v_s = Wv LNv(y_s)
    a_s = softmax_s(q . k_s / sqrt(d))
    result = Wo concat_heads(sum_s a_s v_s) + bo

Each LN has a factor g and a shift b: ``LN(y) = g * z + b`` with the
standardised ``z``. Whatever acts on every pixel (g, b and the projections) is
moved to the side with few tokens, so that pixels are standardised once and
neither projected to keys nor to values. The result is the same up to
rounding.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class QueryAttention(nn.Module):
    """One set of parameters, two directions.

    Queries read pixels, or pixels read queries. Pixels come *standardised*:
    with mean 0 and variance 1 over their channels, as :func:`standardise`
    gives them.
    """

    def __init__(self, channels: int, *, num_heads: int) -> None:
        """Create norms and projections.

        Args:
            channels: Width of queries and pixels.
            num_heads: Heads; divides ``channels``.
        """
        super().__init__()
        self.num_heads = num_heads
        self.scale = 1 / math.sqrt(channels // num_heads)
        self.norm_q = nn.LayerNorm(channels)
        self.norm_k = nn.LayerNorm(channels)
        self.norm_v = nn.LayerNorm(channels)
        self.to_q = nn.Linear(channels, channels, bias=False)
        self.to_k = nn.Linear(channels, channels, bias=False)
        self.to_v = nn.Linear(channels, channels, bias=False)
        self.proj = nn.Linear(channels, channels)

    def queries_read(self, queries: Tensor, pixels: Tensor) -> Tensor:
        """Let queries read pixels, through PyTorch's fused attention.

        Args:
            queries: ``(B, Q, C)``, their positions added.
            pixels: ``(B, N, C)``, standardised.

        Returns:
            ``(B, Q, C)``.
        """
        seen = self._in_pixel_space(queries)  # (B, heads, Q, C)
        batch, heads, count, _ = seen.shape
        # Heads differ in what they look for, not in what they look at: one
        # attention of heads * Q queries over the pixels themselves.
        mixed = F.scaled_dot_product_attention(
            seen.flatten(1, 2)[:, None],
            pixels[:, None],
            pixels[:, None],
            scale=self.scale,
        ).view(batch, heads, count, -1)
        # sum_s a_s (gv * z_s + bv) = gv * (sum_s a_s z_s) + bv
        mixed = mixed * self.norm_v.weight + self.norm_v.bias
        values = mixed @ self._by_head(self.to_v).transpose(1, 2)
        return self.proj(values.transpose(1, 2).flatten(2))

    def reading_weights(self, queries: Tensor, pixels: Tensor) -> Tensor:
        """Return where the queries read.

        Args:
            queries: ``(B, Q, C)``, their positions added.
            pixels: ``(B, N, C)``, standardised.

        Returns:
            ``(B, heads, Q, N)`` weights; a query's sum to 1 over the pixels.
        """
        seen = self._in_pixel_space(queries) * self.scale
        return (seen @ pixels[:, None].transpose(2, 3)).softmax(-1)

    def pixels_read(
        self,
        pixels: Tensor,
        queries: Tensor,
        positions: Tensor,
        *,
        onto: Tensor,
        drop_path: nn.Module,
    ) -> Tensor:
        """Let pixels read queries, and add what they read to a feature.

        Not by a fused attention: here each query's value passes the output
        projection first, so that all heads add up in one product.

        Args:
            pixels: ``(B, N, C)``, standardised.
            queries: ``(B, Q, C)``.
            positions: ``(Q, C)``, added to the queries as keys, not as
                values.
            onto: ``(B, N, C)``, the residual's other branch.
            drop_path: Stochastic depth along the first axis.

        Returns:
            ``(B, N, C)``.
        """
        keys = self._split(self.to_k(self.norm_k(queries + positions)))
        keys = keys * self.scale  # (B, heads, Q, C / heads)
        # q . k = (Wq (gq * z + bq)) . k = z . (gq * Wq^T k) + bq . (Wq^T k)
        to_query = self._by_head(self.to_q)
        factor = (keys @ (to_query * self.norm_q.weight)).flatten(1, 2)
        shift = (keys @ (to_query @ self.norm_q.bias)[..., None]).flatten(1)
        scores = torch.baddbmm(shift[:, None], pixels, factor.transpose(1, 2))
        weights = scores.unflatten(2, (self.num_heads, -1)).softmax(-1)
        # Wo sum_s a_s v_s = sum_s a_s (Wo v_s): Q products instead of N.
        values = self._split(self.to_v(self.norm_v(queries)))
        out = self.proj.weight.unflatten(1, (self.num_heads, -1))
        values = values @ out.permute(1, 2, 0)  # (B, heads, Q, C)
        # The weights of each head sum to 1, so bo / heads on every value
        # gives bo on the result. The stochastic depth, a factor per image,
        # then acts on Q values, and baddbmm adds the residual.
        values = drop_path(values + self.proj.bias / self.num_heads)
        return torch.baddbmm(onto, weights.flatten(2), values.flatten(1, 2))

    def _in_pixel_space(self, queries: Tensor) -> Tensor:
        """Return u with ``q . k = u . z + constant`` for standardised z.

        ``q . (Wk (gk * z + bk)) = (gk * Wk^T q) . z + q . (Wk bk)``: the last
        term is the same for all pixels, and no softmax sees it.
        """
        query = self._split(self.to_q(self.norm_q(queries)))
        seen = (query @ self._by_head(self.to_k)) * self.norm_k.weight
        # The shift stays in the graph, with a zero gradient, so that
        # distributed training finds every parameter used.
        return seen + 0.0 * self.norm_k.bias

    def _split(self, tokens: Tensor) -> Tensor:
        """``(B, Q, C)`` to ``(B, heads, Q, C / heads)``."""
        return tokens.unflatten(-1, (self.num_heads, -1)).transpose(1, 2)

    def _by_head(self, projection: nn.Linear) -> Tensor:
        """``(C, C)`` to ``(heads, C / heads, C)``."""
        return projection.weight.unflatten(0, (self.num_heads, -1))


def standardise(tokens: Tensor, eps: float = 1e-5) -> Tensor:
    """Give every token mean 0 and variance 1, as a LayerNorm does inside.

    Args:
        tokens: ``(..., C)``.
        eps: Added to the variance.

    Returns:
        ``(..., C)``.
    """
    return F.layer_norm(tokens, tokens.shape[-1:], eps=eps)
