"""DeMT in two forms with the same weights: as built here, and plain.

The plain form follows the released code (yangyangxu0/DeMT at b638e14) step
by step: resize everything, concatenate, one Linear; torchvision's deformable
convolution; `nn.MultiheadAttention` over the batch axis. It exists to be
timed and compared. Both forms have one method a stage, called alike.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mmmtl.models.demt.task_query_head import LinearNorm
from mmmtl.models.layers.deform_conv import DeformConv

from .released_layers import check_scope, multi_head, to_map, to_tokens


def check(head: nn.Module, batch: int) -> None:
    """Refuse settings at which the released code computes something else.

    Args:
        head: A ``TaskQueryHead``.
        batch: Images per batch.

    Raises:
        UserError: If there is such a setting.
    """
    check_scope(head.attn_scope, batch)


class BuiltForm:
    """The stages of a DeMT as its neck and head compute them."""

    def __init__(self, model: nn.Module) -> None:
        """Take the parts of a segmentor.

        Args:
            model: A ``MultiTaskSegmentor`` with ``DeformableMixer`` and
                ``TaskQueryHead``.
        """
        self.model, self.neck, self.head = (
            model,
            model.neck,
            model.decode_head,
        )

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


class PlainForm(BuiltForm):
    """The same stages and weights, written as in the released code."""

    def __init__(self, model: nn.Module) -> None:
        """Copy the weights of a segmentor; see `BuiltForm`."""
        super().__init__(copy.deepcopy(model))
        for module in self.neck.modules():
            if isinstance(module, DeformConv):
                module.backend = 'torchvision'
        self.fusion = multi_head(self.head.interaction)
        self.task_queries = {
            task: multi_head(attention)
            for task, attention in self.head.queries.items()
        }

    def project(self, pyramid: Sequence[Tensor]) -> Tensor:
        """Resize, concatenate, one Linear, norm."""
        size = pyramid[0].shape[2:]
        levels = [
            F.interpolate(level, size, mode='bilinear') for level in pyramid
        ]
        tokens = torch.cat(levels, dim=1).flatten(2).transpose(1, 2)
        tokens = self.neck.norm(self.neck.projection.linear(tokens))
        return to_map(tokens, size).contiguous()

    def interact(self, features: Sequence[Tensor]) -> Tensor:
        """Attend over axis 0, the batch; tokens are task after task."""
        own = _tokens(features)
        keys = torch.cat(own, dim=1)  # (B, T N, C)
        keys = self.fusion(keys, keys, keys)[0]
        keys = _linear_norm(self.head.interaction_mlp, keys)
        return torch.stack(keys.chunk(len(own), dim=1), dim=2)

    def query(self, features: Sequence[Tensor], keys: Tensor) -> list[Tensor]:
        """Attend per pixel, over the tasks of all images of the batch."""
        size = features[0].shape[2:]
        # (B T, N, C): what the released code's view makes of its keys.
        rows = keys.transpose(1, 2).flatten(0, 1)
        refined = []
        for task, own in zip(self.head.tasks, _tokens(features), strict=True):
            answer = self.task_queries[task](own, rows, rows)[0]
            answer = _linear_norm(self.head.query_mlps[task], answer)
            refined.append(to_map(own + answer, size).contiguous())
        return refined

    def decode(self, refined: Sequence[Tensor]) -> list[Tensor]:
        """Convolution, norm, ReLU, convolution as bare functions."""
        logits = []
        for task, feature in zip(self.head.tasks, refined, strict=True):
            conv, norm, _ = self.head.bottlenecks[task]
            last = self.head.classifiers[task]
            feature = F.batch_norm(
                F.conv2d(feature, conv.weight, padding=1),
                norm.running_mean,
                norm.running_var,
                norm.weight,
                norm.bias,
                training=norm.training,
            ).relu_()
            logits.append(F.conv2d(feature, last.weight, last.bias))
        return logits


def _tokens(features: Sequence[Tensor]) -> list[Tensor]:
    """Return maps (B, C, h, w) as tokens (B, N, C)."""
    return [to_tokens(feature) for feature in features]


def _linear_norm(mlp: LinearNorm, tokens: Tensor) -> Tensor:
    return mlp.norm(mlp.linear(tokens))
