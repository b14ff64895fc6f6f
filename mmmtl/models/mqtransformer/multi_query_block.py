"""One encoder, one exchange and one decoder of MQTransformer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Literal

import torch
import torch.nn.functional as F
from mmcv.cnn.bricks import DropPath
from torch import Tensor, nn

from mmmtl.models.layers.scoped_attention import AttnScope, ScopedAttention
from mmmtl.models.mqtransformer.query_attention import (
    QueryAttention,
    standardise,
)

Residual = Literal['released', 'sequential']
# Width of the decoder's hidden layers over that of the features, as released.
_DECODER_EXPANSION = 3


class MultiQueryBlock(nn.Module):
    """Queries read their task's pixels, exchange, and are read by them.

    Encoder, exchange and decoder serve all tasks; a task owns its queries
    and their positions, and the encoder or decoder that is not shared.
    """

    def __init__(
        self,
        tasks: Sequence[str],
        *,
        channels: int,
        num_queries: int,
        num_heads: int,
        attn_scope: AttnScope,
        residual: Residual,
        share_encoder: bool,
        share_decoder: bool,
        with_cross_task_attention: bool,
        drop_path_rate: float,
        query_drop_path_rate: float,
        query_dropout: float,
    ) -> None:
        """Build the three parts; see :class:`MultiQueryHead`."""
        super().__init__()
        width = channels // num_heads

        def per_task(*shape: int) -> nn.ParameterDict:
            return nn.ParameterDict(
                {
                    task: nn.init.trunc_normal_(
                        nn.Parameter(torch.empty(shape)), std=0.02
                    )
                    for task in tasks
                }
            )

        self.num_heads = num_heads
        self.queries = per_task(num_queries, channels)
        self.query_positions = per_task(num_queries, width)
        self.key_positions = per_task(num_queries, width)

        def encoder() -> QueryEncoder:
            return QueryEncoder(
                channels, num_heads=num_heads, drop_path_rate=drop_path_rate
            )

        def decoder() -> FeatureDecoder:
            return FeatureDecoder(
                channels,
                num_heads=num_heads,
                attn_scope=attn_scope,
                residual=residual,
                drop_path_rate=drop_path_rate,
            )

        self.encoder = _one_or_each(encoder, tasks, share_encoder)
        self.exchange = (
            QueryExchange(
                channels,
                num_heads=num_heads,
                drop_path_rate=query_drop_path_rate,
                dropout=query_dropout,
            )
            if with_cross_task_attention
            else nn.Identity()
        )
        self.decoder = _one_or_each(decoder, tasks, share_decoder)

    def forward(self, features: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Refine the features of all tasks.

        Args:
            features: ``{task: (B, N, C)}``.

        Returns:
            The same keys and shapes.
        """
        pixels, queries = self.read(features)
        return {
            task: self.refine(
                task, features[task], pixels.pop(task), queries[task]
            )
            for task in features
        }

    def read(
        self, features: Mapping[str, Tensor]
    ) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Let the queries read their tasks' features, and exchange.

        Args:
            features: ``{task: (B, N, C)}``.

        Returns:
            The features standardised, which encoder and decoder share, and
            the queries ``{task: (B, Q, C)}`` after the exchange.
        """
        pixels = {task: standardise(own) for task, own in features.items()}
        queries = {
            task: _of(self.encoder, task)(
                self.queries[task].expand(own.shape[0], -1, -1),
                self._spread(self.query_positions[task]),
                own,
            )
            for task, own in pixels.items()
        }
        return pixels, self.exchange(queries)

    def refine(
        self, task: str, feature: Tensor, pixels: Tensor, queries: Tensor
    ) -> Tensor:
        """Let the pixels of one task read its queries.

        Args:
            task: Its name.
            feature: ``(B, N, C)``.
            pixels: The same, standardised.
            queries: ``(B, Q, C)``.

        Returns:
            ``(B, N, C)``.
        """
        positions = self._spread(self.key_positions[task])
        decoder = _of(self.decoder, task)
        return F.gelu(decoder(feature, pixels, queries, positions))

    def query_maps(self, features: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return where the queries read.

        Args:
            features: ``{task: (B, N, C)}``.

        Returns:
            ``{task: (B, Q, N)}``, the mean over the heads; a query's weights
            sum to 1.
        """
        return {
            task: _of(self.encoder, task)
            .attention.reading_weights(
                (
                    self.queries[task]
                    + self._spread(self.query_positions[task])
                ).expand(own.shape[0], -1, -1),
                standardise(own),
            )
            .mean(1)
            for task, own in features.items()
        }

    def _spread(self, positions: Tensor) -> Tensor:
        """``(Q, C / heads)`` to ``(Q, C)``: all heads share positions."""
        return positions.repeat(1, self.num_heads)


def _one_or_each(
    build: Callable[[], nn.Module], tasks: Sequence[str], shared: bool
) -> nn.Module:
    """Build one part for all tasks, or a dictionary of one for each."""
    if shared:
        return build()
    return nn.ModuleDict({task: build() for task in tasks})


def _of(part: nn.Module, task: str) -> nn.Module:
    """Return the part that serves a task."""
    return part[task] if isinstance(part, nn.ModuleDict) else part


class QueryEncoder(nn.Module):
    """Queries read pixels; then each is transformed by itself."""

    def __init__(
        self, channels: int, *, num_heads: int, drop_path_rate: float
    ) -> None:
        """Build the encoder.

        Args:
            channels: Width of queries and pixels.
            num_heads: Heads of the attention.
            drop_path_rate: Share of images whose residual is dropped.
        """
        super().__init__()
        self.attention = QueryAttention(channels, num_heads=num_heads)
        self.reason_norm = nn.LayerNorm(channels)
        self.reason = nn.Linear(channels, channels, bias=False)
        self.mlp = PreNormMlp(channels, hidden_channels=channels)
        self.drop_path = DropPath(drop_path_rate)

    def forward(
        self, queries: Tensor, positions: Tensor, pixels: Tensor
    ) -> Tensor:
        """Read an image.

        Args:
            queries: ``(B, Q, C)``.
            positions: ``(Q, C)``, added to what the queries look for.
            pixels: ``(B, N, C)``, standardised.

        Returns:
            ``(B, Q, C)``.
        """
        read = self.attention.queries_read(queries + positions, pixels)
        queries = queries + self.drop_path(read)
        queries = queries + self.reason(self.reason_norm(queries))
        return queries + self.drop_path(self.mlp(queries))


class QueryExchange(nn.Module):
    """The queries of all tasks attend to each other."""

    def __init__(
        self,
        channels: int,
        *,
        num_heads: int,
        drop_path_rate: float,
        dropout: float,
    ) -> None:
        """Build the exchange.

        Args:
            channels: Width of the queries.
            num_heads: Heads of the attention.
            drop_path_rate: Share of queries whose residual is dropped, the
                same ones in all images.
            dropout: Share of attention weights that are dropped.
        """
        super().__init__()
        self.attention = nn.MultiheadAttention(
            channels, num_heads, dropout=dropout, batch_first=True
        )
        # Two norms in a row, this one and the one inside, as released.
        self.norm = nn.LayerNorm(channels)
        self.mlp = PreNormMlp(channels, hidden_channels=channels)
        self.drop_path = DropPath(drop_path_rate)

    def forward(self, queries: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Exchange.

        Args:
            queries: ``{task: (B, Q, C)}``.

        Returns:
            The same keys and shapes.
        """
        counts = [own.shape[1] for own in queries.values()]
        joined = torch.cat(list(queries.values()), dim=1)
        answer, _ = self.attention(joined, joined, joined, need_weights=False)
        joined = joined + self._drop_queries(answer)
        joined = joined + self._drop_queries(self.mlp(self.norm(joined)))
        return dict(zip(queries, joined.split(counts, dim=1), strict=True))

    def _drop_queries(self, residual: Tensor) -> Tensor:
        """Drop along the queries, where DropPath drops along the batch.

        The released code arrives there by handing over (queries, B, C).
        """
        return self.drop_path(residual.transpose(0, 1)).transpose(0, 1)


class FeatureDecoder(nn.Module):
    """Pixels read their task's queries and are refined."""

    def __init__(
        self,
        channels: int,
        *,
        num_heads: int,
        attn_scope: AttnScope,
        residual: Residual,
        drop_path_rate: float,
    ) -> None:
        """Build the decoder; see the head."""
        super().__init__()
        self.attn_scope = attn_scope
        self.residual = residual
        hidden = _DECODER_EXPANSION * channels
        self.attention = QueryAttention(channels, num_heads=num_heads)
        self.mlp1 = PreNormMlp(channels, hidden_channels=hidden)
        self.self_attention = ScopedAttention(channels, num_heads=num_heads)
        self.mlp2 = PreNormMlp(channels, hidden_channels=hidden)
        self.drop_path = DropPath(drop_path_rate)

    def forward(
        self,
        features: Tensor,
        pixels: Tensor,
        queries: Tensor,
        positions: Tensor,
    ) -> Tensor:
        """Refine one task's feature.

        Args:
            features: ``(B, N, C)``.
            pixels: The same, standardised.
            queries: ``(B, Q, C)``.
            positions: ``(Q, C)``, added to the queries as keys.

        Returns:
            ``(B, N, C)``.
        """
        decoded = self.attention.pixels_read(
            pixels,
            queries,
            positions,
            onto=features,
            drop_path=self.drop_path,
        )
        decoded = decoded + self.drop_path(self.mlp1(decoded))
        mixed = self.self_attention.self_attention(
            decoded[:, :, None], scope=self.attn_scope
        ).squeeze(2)
        # The released code adds to what came in, not to what was decoded.
        start = features if self.residual == 'released' else decoded
        refined = start + self.drop_path(mixed)
        return refined + self.drop_path(self.mlp2(refined))


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
