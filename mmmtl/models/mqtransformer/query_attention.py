"""Attention between a few queries and the many pixels of an image.

Source: the ``AnyAttention`` of MQTransformer ("Multi-Task Learning with
Multi-Query Transformer for Dense Prediction", Xu et al., TCSVT 2023; released
code yangyangxu0/MQTransformer at eb9e5c4).

Faithful:
    * Positions are added before the norms; query, key and value have a norm
      and a projection (without bias) each; only the output has a bias.

Departs:
    * Same result up to rounding, fewer products: whatever acts on every pixel
      (the norm's factor and shift, the projections) is folded into the side
      that has few tokens, so that pixels enter normalised once and are
      neither projected to keys nor to values.
    * :meth:`QueryAttention.gather` goes through PyTorch's fused attention.
      :meth:`QueryAttention.scatter` does not: each head's values leave through
      the output projection before they are mixed, so all heads add up in one
      product, which no fused kernel does.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmmtl.models.layers.argument_checks import check_heads


class QueryAttention(nn.Module):
    """One set of parameters, two directions.

    :meth:`gather` lets queries read pixels, :meth:`scatter` lets pixels read
    queries. Pixels come *standardised*: with mean 0 and variance 1 over their
    channels, as :func:`standardise` gives them.
    """

    def __init__(self, channels: int, *, num_heads: int) -> None:
        """Create norms and projections.

        Args:
            channels: Width of queries and pixels.
            num_heads: Heads; divides ``channels``.

        Raises:
            ValueError: If the heads do not divide the width.
        """
        super().__init__()
        check_heads(num_heads, channels)
        self.num_heads = num_heads
        self.scale = 1 / math.sqrt(channels // num_heads)
        self.norm_q = nn.LayerNorm(channels)
        self.norm_k = nn.LayerNorm(channels)
        self.norm_v = nn.LayerNorm(channels)
        self.to_q = nn.Linear(channels, channels, bias=False)
        self.to_k = nn.Linear(channels, channels, bias=False)
        self.to_v = nn.Linear(channels, channels, bias=False)
        self.proj = nn.Linear(channels, channels)

    def gather(self, queries: Tensor, pixels: Tensor) -> Tensor:
        """Let queries read pixels.

        Args:
            queries: ``(B, Q, C)``, their positions added.
            pixels: ``(B, N, C)``, standardised.

        Returns:
            ``(B, Q, C)``.
        """
        seen = self._queries_as_pixels(queries)  # (B, heads, Q, C)
        batch, heads, count, _ = seen.shape
        # Heads differ in what they look for, not in what they look at: one
        # attention of heads * Q queries over the pixels themselves.
        mixed = F.scaled_dot_product_attention(
            seen.flatten(1, 2)[:, None],
            pixels[:, None],
            pixels[:, None],
            scale=self.scale,
        ).view(batch, heads, count, -1)
        mixed = mixed * self.norm_v.weight + self.norm_v.bias
        values = mixed @ self._by_head(self.to_v).transpose(1, 2)
        return self.proj(values.transpose(1, 2).flatten(2))

    def gather_map(self, queries: Tensor, pixels: Tensor) -> Tensor:
        """Return where :meth:`gather` reads.

        Args:
            queries: ``(B, Q, C)``, their positions added.
            pixels: ``(B, N, C)``, standardised.

        Returns:
            ``(B, heads, Q, N)`` weights; a query's sum to 1 over the pixels.
        """
        seen = self._queries_as_pixels(queries) * self.scale
        return (seen @ pixels[:, None].transpose(2, 3)).softmax(-1)

    def scatter(
        self,
        pixels: Tensor,
        queries: Tensor,
        positions: Tensor,
        *,
        onto: Tensor,
        drop_path: nn.Module,
    ) -> Tensor:
        """Let pixels read queries, and add what they read to a feature.

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
        to_query = self._by_head(self.to_q)
        factor = (keys @ (to_query * self.norm_q.weight)).flatten(1, 2)
        shift = (keys @ (to_query @ self.norm_q.bias)[..., None]).flatten(1)
        scores = torch.baddbmm(shift[:, None], pixels, factor.transpose(1, 2))
        weights = scores.unflatten(2, (self.num_heads, -1)).softmax(-1)
        # Values leave through the output projection before they are mixed:
        # Q of them instead of N.
        values = self._split(self.to_v(self.norm_v(queries)))
        out = self.proj.weight.unflatten(1, (self.num_heads, -1))
        values = values @ out.permute(1, 2, 0)  # (B, heads, Q, C)
        # A head's weights sum to 1: a share of the bias on every value is
        # the bias on the result. So a factor of an image acts on Q values,
        # and the product adds itself onto the other branch.
        values = drop_path(values + self.proj.bias / self.num_heads)
        return torch.baddbmm(onto, weights.flatten(2), values.flatten(1, 2))

    def _queries_as_pixels(self, queries: Tensor) -> Tensor:
        """Bring queries to where a product with a pixel gives the score."""
        query = self._split(self.to_q(self.norm_q(queries)))
        seen = (query @ self._by_head(self.to_k)) * self.norm_k.weight
        # The key norm's shift moves all scores of a query alike, which no
        # softmax sees. It stays in the graph, with its zero gradient, so that
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
