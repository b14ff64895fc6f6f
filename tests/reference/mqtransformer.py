"""MQTransformer as released (yangyangxu0/MQTransformer at eb9e5c4), and built.

Resize everything, concatenate, one Linear per task; a patch embedding whose
result nobody reads; keys and values of every pixel; `nn.MultiheadAttention`
over the batch axis.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mmmtl.models.mqtransformer.query_attention import standardise
from tests.reference.layers import (
    joined,
    multi_head,
    output_block,
    to_map,
    to_tokens,
)

PerTask = Sequence[Tensor]
_PATCH = 4  # pixels of a side of the released patch embedding


class Plain:
    """The stages as released, with the weights of a head of one block."""

    def __init__(self, neck: None, head: nn.Module) -> None:
        """Take a ``MultiQueryHead``; there is no neck."""
        self.head, self.block = head, head.blocks[0]
        attention = self.block.decoder.self_attention
        channels, like = attention.channels, attention.in_proj_weight
        # Released, run and not read: weights of its own will do.
        self.patch_embed = nn.Conv2d(channels, channels, _PATCH, _PATCH)
        self.patch_embed.to(like)
        self.patch_norm = nn.LayerNorm(channels).to(like)
        self.query_attention = multi_head(self.block.exchange.attention)
        self.feature_attention = multi_head(attention)

    def project(self, pyramid: Sequence[Tensor]) -> list[Tensor]:
        """Resize, concatenate, one Linear per task, the unread branch."""
        size = pyramid[0].shape[2:]
        tokens = to_tokens(joined(pyramid))
        features = [
            self.head.projections[task].linear(tokens)
            for task in self.head.tasks
        ]
        for feature in features:
            self._embed_patches(to_map(feature, size))
        return features

    def _embed_patches(self, feature: Tensor) -> Tensor:
        """Return what the released code computes here and never reads."""
        height, width = feature.shape[2:]
        whole = F.pad(feature, (0, -width % _PATCH, 0, -height % _PATCH))
        return self.patch_norm(to_tokens(self.patch_embed(whole)))

    def encode(self, features: PerTask) -> list[Tensor]:
        """Project every pixel to a key and to a value, then attend."""
        encoder = self.block.encoder
        encoded = []
        for task, own in zip(self.head.tasks, features, strict=True):
            queries = self.block.queries[task].expand(len(own), -1, -1)
            asked = queries + spread(
                self.block, self.block.query_positions[task]
            )
            queries = queries + attend(encoder.attention, asked, own, own)
            queries = queries + encoder.reason(encoder.reason_norm(queries))
            encoded.append(queries + mlp(encoder.mlp, queries))
        return encoded

    def exchange(self, queries: PerTask) -> list[Tensor]:
        """Attend with the queries on axis 0, where they belong."""
        joined = torch.cat(list(queries), dim=1).transpose(0, 1)
        joined = joined + self.query_attention(joined, joined, joined)[0]
        own = self.block.exchange
        joined = joined + mlp(own.mlp, own.norm(joined))
        return list(joined.transpose(0, 1).chunk(len(queries), dim=1))

    def decode(self, features: PerTask, queries: PerTask) -> list[Tensor]:
        """Attend to the queries, then over axis 0, the batch."""
        decoder = self.block.decoder
        refined = []
        for task, own, asked in zip(
            self.head.tasks, features, queries, strict=True
        ):
            keys = asked + spread(self.block, self.block.key_positions[task])
            decoded = own + attend(decoder.attention, own, keys, asked)
            decoded = decoded + mlp(decoder.mlp1, decoded)
            mixed = self.feature_attention(decoded, decoded, decoded)[0]
            # From what came in, not from what was decoded: as released.
            result = own + mixed
            refined.append(F.gelu(result + mlp(decoder.mlp2, result)))
        return refined

    def output(
        self, pyramid: Sequence[Tensor], refined: PerTask
    ) -> list[Tensor]:
        """Refined features -> logits (B, K, h, w), the size of level 0."""
        size = pyramid[0].shape[2:]
        blocks = [self.head.output_blocks[task] for task in self.head.tasks]
        return [
            output_block(block.bottleneck, block.classifier, to_map(own, size))
            for block, own in zip(blocks, refined, strict=True)
        ]


class Built:
    """The stages as `MultiQueryHead` computes them.

    The head normalises the pixels once for encoder and decoder; here each of
    the two stages does it for itself.
    """

    def __init__(self, neck: None, head: nn.Module) -> None:
        """Take a ``MultiQueryHead``; there is no neck."""
        self.head, self.block = head, head.blocks[0]

    def project(self, pyramid: Sequence[Tensor]) -> list[Tensor]:
        """Pyramid -> one feature (B, N, C) per task."""
        pyramid = [
            level.contiguous(memory_format=torch.channels_last)
            for level in pyramid
        ]
        return [
            to_tokens(self.head.projections[task](pyramid)).contiguous()
            for task in self.head.tasks
        ]

    def encode(self, features: PerTask) -> list[Tensor]:
        """Features -> queries (B, Q, C) per task that have read them."""
        return [
            self.block.encoder(
                self.block.queries[task].expand(len(own), -1, -1),
                spread(self.block, self.block.query_positions[task]),
                standardise(own),
            )
            for task, own in zip(self.head.tasks, features, strict=True)
        ]

    def exchange(self, queries: PerTask) -> list[Tensor]:
        """Queries -> queries that have read those of all tasks."""
        by_task = dict(zip(self.head.tasks, queries, strict=True))
        return list(self.block.exchange(by_task).values())

    def decode(self, features: PerTask, queries: PerTask) -> list[Tensor]:
        """Features and queries -> refined features (B, N, C)."""
        return [
            F.gelu(
                self.block.decoder(
                    own,
                    standardise(own),
                    asked,
                    spread(self.block, self.block.key_positions[task]),
                )
            )
            for task, own, asked in zip(
                self.head.tasks, features, queries, strict=True
            )
        ]

    def output(
        self, pyramid: Sequence[Tensor], refined: PerTask
    ) -> list[Tensor]:
        """Refined features -> logits (B, K, h, w), the size of level 0."""
        size = pyramid[0].shape[2:]
        return [
            self.head.output_blocks[task](to_map(own, size))
            for task, own in zip(self.head.tasks, refined, strict=True)
        ]


def logits(head: nn.Module, pyramid: Sequence[Tensor]) -> dict[str, Tensor]:
    """What a ``MultiQueryHead`` of one block computes, as released."""
    plain = Plain(None, head)
    features = plain.project(pyramid)
    queries = plain.exchange(plain.encode(features))
    refined = plain.decode(features, queries)
    found = plain.output(pyramid, refined)
    return dict(zip(head.tasks, found, strict=True))


def attend(
    attention: nn.Module, query: Tensor, key: Tensor, value: Tensor
) -> Tensor:
    """The released attention of a ``QueryAttention``.

    softmax(Wq LN(q) (Wk LN(k))^T / sqrt(C / heads)) Wv LN(v), then proj.
    """
    value = _heads(attention, attention.to_v(attention.norm_v(value)))
    mixed = attention_weights(attention, query, key) @ value
    return attention.proj(mixed.transpose(1, 2).flatten(2))


def attention_weights(
    attention: nn.Module, query: Tensor, key: Tensor
) -> Tensor:
    """``(B, heads, Q, K)``: what `attend` weighs the values with."""
    query = _heads(attention, attention.to_q(attention.norm_q(query)))
    key = _heads(attention, attention.to_k(attention.norm_k(key)))
    scores = (query @ key.transpose(2, 3)) * query.shape[-1] ** -0.5
    return scores.softmax(-1)


def over_the_batch(attention: nn.Module, tokens: Tensor) -> Tensor:
    """Sequence-first attention, fed with (B, N, C)."""
    return multi_head(attention)(tokens, tokens, tokens)[0]


def mlp(layer: nn.Module, tokens: Tensor) -> Tensor:
    """The residual of a ``PreNormMlp``, without it."""
    return layer.fc2(F.gelu(layer.fc1(layer.norm(tokens))))


def spread(block: nn.Module, positions: Tensor) -> Tensor:
    """``(Q, C / heads)`` to ``(Q, C)``: all heads share positions."""
    return positions.repeat(1, block.num_heads)


def _heads(attention: nn.Module, tokens: Tensor) -> Tensor:
    return tokens.unflatten(-1, (attention.num_heads, -1)).transpose(1, 2)
