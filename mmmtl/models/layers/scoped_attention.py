"""Multi-head attention whose scope is chosen: pixel, batch or all tokens.

Source: the attention of DeMT's decoder (Xu et al., AAAI 2023; released code
yangyangxu0/DeMT at b638e14), which is PyTorch's multi-head attention fed
with the batch where it expects the sequence.

Three scopes share the same parameters:

``sample``
    A pixel attends over the tasks at the same pixel of the same image. Equal
    to the released code at batch size 1, which is how the published numbers
    were made; never mixes images. The default.
``batch``
    A pixel attends over the tasks at the same pixel of all images of the
    batch: the released code at any batch size, on the PyTorch of its time
    (the current one refuses its shapes).
``tokens``
    A pixel attends over all tasks at all pixels of its image: what the
    paper's text says. Memory grows with the number of tokens, not with its
    square, through ``scaled_dot_product_attention``.

Departs:
    In the first two scopes few keys meet one query, so the products are
    reordered (see :meth:`ScopedAttention._few_keys`), and the output
    projection is folded with the linear map that follows it. The result is
    the same up to rounding.
"""

from __future__ import annotations

import math
from typing import Literal, get_args

import torch
import torch.nn.functional as F
from torch import Tensor, nn

AttnScope = Literal['sample', 'batch', 'tokens']
SCOPES: tuple[str, ...] = get_args(AttnScope)


class ScopedAttention(nn.Module):
    """Attention parameters in the layout of ``nn.MultiheadAttention``.

    ``in_proj_weight`` stays one tensor: in ``sample`` scope with one key its
    query and key rows get a zero gradient rather than none.
    """

    def __init__(self, channels: int, *, num_heads: int) -> None:
        """Create the parameters with PyTorch's initialisation.

        Args:
            channels: Width of tokens.
            num_heads: Heads; divides ``channels``.
        """
        super().__init__()
        self.channels = channels
        self.num_heads = num_heads
        self.in_proj_weight = nn.Parameter(torch.empty(3 * channels, channels))
        self.in_proj_bias = nn.Parameter(torch.zeros(3 * channels))
        self.out_proj = nn.Linear(channels, channels)
        nn.init.xavier_uniform_(self.in_proj_weight)
        nn.init.zeros_(self.out_proj.bias)

    def forward(
        self, query: Tensor, keys: Tensor, *, scope: AttnScope, then: nn.Linear
    ) -> Tensor:
        """Attend, project, and apply the linear map that follows.

        Args:
            query: ``(B, N, C)`` tokens of one task.
            keys: ``(B, N, T, C)`` tokens of all tasks, pixel by pixel.
            scope: Which keys a query sees.
            then: The linear map applied to the result.

        Returns:
            ``(B, N, C)``.
        """
        weight, bias = self._folded_output(then)
        if scope == 'sample':
            mixed = self._few_keys(
                query.flatten(0, 1)[:, None], keys.flatten(0, 1)
            )
            mixed = mixed.view_as(query)
        elif scope == 'batch':
            # Pixel by pixel: B queries, the B * T tokens of the batch.
            tokens = keys.transpose(0, 1).flatten(1, 2)  # (N, B * T, C)
            mixed = self._few_keys(query.transpose(0, 1), tokens)
            mixed = mixed.transpose(0, 1)
        else:
            mixed = self._many_keys(query, keys.flatten(1, 2))
        return F.linear(mixed, weight, bias)

    def self_attention(
        self,
        tokens: Tensor,
        *,
        scope: AttnScope,
        then: nn.Linear | None = None,
    ) -> Tensor:
        """Let all tokens attend to each other within the scope.

        In ``sample`` scope a token sees itself alone, and the softmax over
        one key is 1: what remains is a linear map, applied as one matrix.

        Args:
            tokens: ``(B, N, T, C)``.
            scope: ``sample``: itself; ``batch``: the same task and pixel in
                all images; ``tokens``: all tasks and pixels of the image.
            then: The linear map applied to the result, if any.

        Returns:
            ``(B, N, T, C)``.
        """
        weight, bias = self._folded_output(then)
        if scope == 'sample':
            _, _, value = self.in_proj_weight.chunk(3)
            value_bias = self.in_proj_bias.chunk(3)[2]
            # W (V x + v) + b = (W V) x + (W v + b)
            return F.linear(
                tokens, weight @ value, F.linear(value_bias, weight, bias)
            )
        if scope == 'batch':
            images = tokens.flatten(1, 2).transpose(0, 1)  # (N * T, B, C)
            mixed = self._few_keys(images, images).transpose(0, 1)
            mixed = mixed.view_as(tokens)
        else:
            flat = tokens.flatten(1, 2)
            mixed = self._many_keys(flat, flat).view_as(tokens)
        return F.linear(mixed, weight, bias)

    def _folded_output(self, then: nn.Linear | None) -> tuple[Tensor, Tensor]:
        """Return weight and bias of the output projection with ``then``.

        ``T (O x + o) + t = (T O) x + (T o + t)``.
        """
        if then is None:
            return self.out_proj.weight, self.out_proj.bias
        return (
            then.weight @ self.out_proj.weight,
            F.linear(self.out_proj.bias, then.weight, then.bias),
        )

    def _few_keys(self, query: Tensor, keys: Tensor) -> Tensor:
        """Attend where there are fewer keys than channels in a head.

        The plain formula, per head of width d, for a query x and keys y_s::

            q = Wq x + bq
            a_s = softmax_s(q . (Wk y_s + bk) / sqrt(d))
            result = sum_s a_s (Wv y_s + bv)

        Computed is::

            a_s = softmax_s((Wk^T q / sqrt(d)) . y_s)
            result = Wv (sum_s a_s y_s) + bv

        Each query is brought into the space of the keys, and the keys are
        mixed before they are projected, so that no key is projected. The
        term ``q . bk`` is the same for all keys and drops out of the
        softmax; bv may be added last, because the a_s sum to 1.

        Args:
            query: ``(P, Q, C)``, P groups that do not see each other.
            keys: ``(P, S, C)``.

        Returns:
            ``(P, Q, C)`` mixed and projected values.
        """
        groups, queries, channels = query.shape
        heads, width = self.num_heads, channels // self.num_heads
        to_query, to_key, to_value = self.in_proj_weight.chunk(3)
        query_bias, _, value_bias = self.in_proj_bias.chunk(3)
        # Flat: of a task's slice of the tokens, as (P, Q, C), PyTorch would
        # make a batched product, and copy the weight per token in bfloat16.
        flat = query.flatten(0, 1)
        scaled = F.linear(flat, to_query, query_bias) / math.sqrt(width)
        by_head = scaled.view(-1, heads, width).transpose(0, 1)
        # Wk^T q, of each head: (heads, P * Q, C).
        in_key_space = by_head @ to_key.view(heads, width, channels)
        scores = in_key_space.transpose(0, 1).reshape(
            groups, queries * heads, channels
        ) @ keys.transpose(1, 2)
        mixed = scores.softmax(-1) @ keys  # (P, Q * heads, C)
        mixed = mixed.view(groups * queries, heads, channels).transpose(0, 1)
        values = mixed @ to_value.view(heads, width, channels).transpose(1, 2)
        values = values.transpose(0, 1).reshape(groups, queries, channels)
        return values + value_bias

    def _many_keys(self, query: Tensor, keys: Tensor) -> Tensor:
        """Attend over many keys without storing the scores.

        Args:
            query: ``(B, Q, C)``.
            keys: ``(B, S, C)``.

        Returns:
            ``(B, Q, C)`` mixed and projected values.
        """
        to_query, to_key, to_value = self.in_proj_weight.chunk(3)
        biases = self.in_proj_bias.chunk(3)
        q, k, v = (
            F.linear(tokens, weight, bias)
            .unflatten(-1, (self.num_heads, -1))
            .transpose(1, 2)
            for tokens, weight, bias in zip(
                (query, keys, keys),
                (to_query, to_key, to_value),
                biases,
                strict=True,
            )
        )
        mixed = F.scaled_dot_product_attention(q, k, v)
        return mixed.transpose(1, 2).flatten(2)
