"""DeMT as released (yangyangxu0/DeMT at b638e14), and as built here.

Resize everything, concatenate, one Linear; torchvision's deformable
convolution; `nn.MultiheadAttention` over the batch axis.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torchvision.ops import deform_conv2d

from mmmtl.models.demt.deformable_mixer import ChannelMix
from tests.reference.layers import (
    joined,
    multi_head,
    output_block,
    to_map,
    to_tokens,
)


class Plain:
    """The stages as released, with the weights of a neck and a head.

    A part of the head that is switched off is left out.
    """

    def __init__(self, neck: nn.Module | None, head: nn.Module) -> None:
        """Take a ``DeformableMixer`` and a ``TaskQueryHead``."""
        self.neck, self.head = neck, head
        if head.with_interaction:
            self.fusion = multi_head(head.interaction)
        if head.with_queries:
            self.queries = {
                task: multi_head(attention)
                for task, attention in head.queries.items()
            }

    def project(self, pyramid: Sequence[Tensor]) -> Tensor:
        """Resize, concatenate, one Linear, norm."""
        return project(self.neck, pyramid)

    def mix(self, shared: Tensor) -> list[Tensor]:
        """Shared feature -> one (B, C, h, w) per task."""
        return [
            mix(self.neck.mixers[task], shared) for task in self.head.tasks
        ]

    def interact(self, features: Sequence[Tensor]) -> Tensor:
        """Attend over axis 0, the batch; tokens are task after task."""
        own = _tokens(features)
        keys = torch.cat(own, dim=1)  # (B, T N, C)
        if self.head.with_interaction:
            keys = self.fusion(keys, keys, keys)[0]
            keys = _linear_norm(self.head.interaction_mlp, keys)
        return torch.stack(keys.chunk(len(own), dim=1), dim=2)

    def query(self, features: Sequence[Tensor], keys: Tensor) -> list[Tensor]:
        """Attend per pixel, over the tasks of all images of the batch."""
        size = features[0].shape[2:]
        # (B T, N, C): what the released code's view makes of its keys.
        rows = keys.transpose(1, 2).flatten(0, 1)
        refined = []
        for index, task in enumerate(self.head.tasks):
            own = to_tokens(features[index])
            if self.head.with_queries:
                answer = self.queries[task](own, rows, rows)[0]
                own = own + _linear_norm(self.head.query_mlps[task], answer)
            elif self.head.with_interaction:
                own = own + keys[:, :, index]
            refined.append(to_map(own, size).contiguous())
        return refined

    def decode(self, refined: Sequence[Tensor]) -> list[Tensor]:
        """Refined features -> logits (B, K, h, w)."""
        return [
            output_block(
                self.head.bottlenecks[task],
                self.head.classifiers[task],
                feature,
            )
            for task, feature in zip(self.head.tasks, refined, strict=True)
        ]


class Built:
    """The stages as neck and head compute them."""

    def __init__(self, neck: nn.Module, head: nn.Module) -> None:
        """Take a ``DeformableMixer`` and a ``TaskQueryHead``."""
        self.neck, self.head = neck, head

    def project(self, pyramid: Sequence[Tensor]) -> Tensor:
        """Pyramid -> the feature (B, C, h, w) that the tasks share."""
        shared = self.neck.projection(pyramid).permute(0, 2, 3, 1)
        return self.neck.norm(shared).permute(0, 3, 1, 2).contiguous()

    def mix(self, shared: Tensor) -> list[Tensor]:
        """Shared feature -> one (B, C, h, w) per task."""
        return [self.neck.mixers[task](shared) for task in self.head.tasks]

    def interact(self, features: Sequence[Tensor]) -> Tensor:
        """Task features -> keys (B, N, T, C)."""
        mlp = self.head.interaction_mlp
        return mlp.norm(
            self.head.interaction.self_attention(
                torch.stack(_tokens(features), dim=2),
                scope=self.head.attn_scope,
                then=mlp.linear,
            )
        )

    def query(self, features: Sequence[Tensor], keys: Tensor) -> list[Tensor]:
        """Task features and keys -> refined features (B, C, h, w)."""
        size = features[0].shape[2:]
        refined = []
        for task, own in zip(self.head.tasks, _tokens(features), strict=True):
            mlp = self.head.query_mlps[task]
            answer = self.head.queries[task](
                own, keys, scope=self.head.attn_scope, then=mlp.linear
            )
            refined.append(to_map(own + mlp.norm(answer), size))
        return refined

    def decode(self, refined: Sequence[Tensor]) -> list[Tensor]:
        """Refined features -> logits (B, K, h, w)."""
        return [
            self.head.classifiers[task](self.head.bottlenecks[task](feature))
            for task, feature in zip(self.head.tasks, refined, strict=True)
        ]


def logits(head: nn.Module, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """What a ``TaskQueryHead`` makes of the tasks' features, as released."""
    plain = Plain(None, head)
    features = [inputs[task] for task in head.tasks]
    refined = plain.query(features, plain.interact(features))
    return dict(zip(head.tasks, plain.decode(refined), strict=True))


def project(neck: nn.Module, pyramid: Sequence[Tensor]) -> Tensor:
    """The feature (B, C, h, w) of a ``DeformableMixer`` before its mixers."""
    tokens = neck.norm(neck.projection.linear(to_tokens(joined(pyramid))))
    return to_map(tokens, pyramid[0].shape[2:]).contiguous()


def mix(mixer: nn.Sequential, maps: Tensor) -> Tensor:
    """A mixer's blocks: convolution, GELU, norm; gather, GELU, norm, add."""
    for block in mixer:
        for step in block:
            if isinstance(step, ChannelMix):
                maps = step.norm(F.gelu(step.conv(maps)))
                continue
            sampled = deform_conv2d(
                maps, step.offsets(maps), step.deform.weight, step.deform.bias
            )
            maps = maps + step.norm(F.gelu(sampled))
    return maps


def _tokens(features: Sequence[Tensor]) -> list[Tensor]:
    return [to_tokens(feature) for feature in features]


def _linear_norm(mlp: nn.Module, tokens: Tensor) -> Tensor:
    return mlp.norm(mlp.linear(tokens))
