"""MQTransformer in two forms with the same weights: as built, and plain.

The plain form follows the released code (yangyangxu0/MQTransformer at
eb9e5c4) step by step: resize everything, concatenate, one Linear per task;
a patch embedding whose result nobody reads; keys and values of every pixel;
`nn.MultiheadAttention` over the batch axis. It exists to be timed and
compared. Both forms have one method a stage, called alike.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mmmtl.engine.errors import UserError
from mmmtl.models.mqtransformer.multi_query_block import PreNormMlp
from mmmtl.models.mqtransformer.query_attention import (
    QueryAttention,
    standardise,
)

from .released_layers import check_scope, multi_head, to_map, to_tokens

PerTask = Sequence[Tensor]
_PATCH = 4  # pixels of a side of the released patch embedding


def check(head: nn.Module, batch: int) -> None:
    """Refuse settings at which the released code computes something else.

    Args:
        head: A ``MultiQueryHead``.
        batch: Images per batch.

    Raises:
        UserError: If there is such a setting.
    """
    decoder = head.blocks[0].decoder
    check_scope(decoder.attn_scope, batch)
    if len(head.blocks) != 1:
        raise UserError(
            f'depth={len(head.blocks)}: the stages are those of one block; '
            'measure depth=1, as released'
        )
    if decoder.residual != 'released':
        raise UserError(
            f'residual={decoder.residual!r} is not what the released code '
            "does; measure 'released'"
        )


class BuiltForm:
    """The stages as `MultiQueryHead` computes them.

    The head normalises the pixels once for encoder and decoder; here each of
    the two stages does it for itself.
    """

    def __init__(self, model: nn.Module) -> None:
        """Take the parts of a segmentor.

        Args:
            model: A ``MultiTaskSegmentor`` with ``MultiQueryHead``.
        """
        self.model, self.head = model, model.decode_head
        self.block = self.head.blocks[0]

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
                self._spread(self.block.query_positions[task]),
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
                    self._spread(self.block.key_positions[task]),
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

    def _spread(self, positions: Tensor) -> Tensor:
        """``(Q, C / heads)`` to ``(Q, C)``: all heads share positions."""
        return positions.repeat(1, self.block.num_heads)


class PlainForm(BuiltForm):
    """The same stages and weights, written as in the released code."""

    def __init__(self, model: nn.Module) -> None:
        """Take the weights of a segmentor; see `BuiltForm`."""
        super().__init__(model)
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
        levels = [
            F.interpolate(level, size, mode='bilinear') for level in pyramid
        ]
        tokens = to_tokens(torch.cat(levels, dim=1))
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
            asked = queries + self._spread(self.block.query_positions[task])
            queries = queries + _attend(encoder.attention, asked, own, own)
            queries = queries + encoder.reason(encoder.reason_norm(queries))
            encoded.append(queries + _mlp(encoder.mlp, queries))
        return encoded

    def exchange(self, queries: PerTask) -> list[Tensor]:
        """Attend with the queries on axis 0, where they belong."""
        joined = torch.cat(list(queries), dim=1).transpose(0, 1)
        joined = joined + self.query_attention(joined, joined, joined)[0]
        own = self.block.exchange
        joined = joined + _mlp(own.mlp, own.norm(joined))
        return list(joined.transpose(0, 1).chunk(len(queries), dim=1))

    def decode(self, features: PerTask, queries: PerTask) -> list[Tensor]:
        """Attend to the queries, then over axis 0, the batch."""
        decoder = self.block.decoder
        refined = []
        for task, own, asked in zip(
            self.head.tasks, features, queries, strict=True
        ):
            keys = asked + self._spread(self.block.key_positions[task])
            decoded = own + _attend(decoder.attention, own, keys, asked)
            decoded = decoded + _mlp(decoder.mlp1, decoded)
            mixed = self.feature_attention(decoded, decoded, decoded)[0]
            # From what came in, not from what was decoded: as released.
            result = own + mixed
            refined.append(F.gelu(result + _mlp(decoder.mlp2, result)))
        return refined

    def output(
        self, pyramid: Sequence[Tensor], refined: PerTask
    ) -> list[Tensor]:
        """Convolution, norm, ReLU, convolution as bare functions."""
        size = pyramid[0].shape[2:]
        logits = []
        for task, own in zip(self.head.tasks, refined, strict=True):
            conv, norm, _ = self.head.output_blocks[task].bottleneck
            last = self.head.output_blocks[task].classifier
            feature = F.batch_norm(
                F.conv2d(to_map(own, size), conv.weight, padding=1),
                norm.running_mean,
                norm.running_var,
                norm.weight,
                norm.bias,
                training=norm.training,
            ).relu_()
            logits.append(F.conv2d(feature, last.weight, last.bias))
        return logits


def _attend(
    attention: QueryAttention, query: Tensor, key: Tensor, value: Tensor
) -> Tensor:
    """The released attention: norm and project all three, then attend."""
    query, key, value = (
        projection(norm(tokens))
        .unflatten(-1, (attention.num_heads, -1))
        .transpose(1, 2)
        for projection, norm, tokens in (
            (attention.to_q, attention.norm_q, query),
            (attention.to_k, attention.norm_k, key),
            (attention.to_v, attention.norm_v, value),
        )
    )
    scores = (query @ key.transpose(2, 3)) * query.shape[-1] ** -0.5
    mixed = scores.softmax(-1) @ value
    return attention.proj(mixed.transpose(1, 2).flatten(2))


def _mlp(mlp: PreNormMlp, tokens: Tensor) -> Tensor:
    return mlp.fc2(F.gelu(mlp.fc1(mlp.norm(tokens))))
