"""SCA-MTL in two forms with the same weights: as built here, and plain.

The plain form follows the formulas of the released code
(kimsunkyung/SCA_MTL at 8214866) step by step: a block of attention for every
pair of target and source, target features repeated beside every answer,
everything resized and concatenated before the 1080-channel convolution,
mmsegmentation's Swin attention. It exists to be timed and compared. Both
forms have one method a stage, called alike. The initial predictions, which
only training needs, are the same in both forms and left out.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence

import torch
from mmseg.models.backbones.swin import ShiftWindowMSA
from torch import Tensor, nn
from torch.nn import functional as F

from mmmtl.engine.errors import UserError
from mmmtl.models.sca_mtl.cross_attention import CrossAttention
from mmmtl.models.sca_mtl.feature_propagation import FeaturePropagation
from mmmtl.models.sca_mtl.sequential_cross_attention_head import (
    ScaleAggregation,
)
from mmmtl.models.sca_mtl.window_self_attention import (
    WindowAttentionBlock,
    WindowAttentionStage,
)

TaskMaps = dict[str, Tensor]
PerTask = Sequence[Tensor]


def check(head: nn.Module, batch: int) -> None:
    """Refuse settings that the released code does not have.

    Args:
        head: A ``SequentialCrossAttentionHead``.
        batch: Images per batch; any.

    Raises:
        UserError: If there is such a setting.
    """
    if head.auxiliary_outputs or head.channels != head.in_channels:
        raise UserError(
            'the released code knows neither auxiliary_tasks nor channels: '
            'leave them out of model.decode_head'
        )


class BuiltForm:
    """The stages of an SCA-MTL as its neck and head compute them."""

    def __init__(self, model: nn.Module) -> None:
        """Take the parts of a segmentor.

        Args:
            model: A ``MultiTaskSegmentor`` with ``WindowSelfAttention`` and
                ``SequentialCrossAttentionHead``.
        """
        self.model, self.neck, self.head = (
            model,
            model.neck,
            model.decode_head,
        )

    def attend(self, pyramid: Sequence[Tensor]) -> list[Tensor]:
        """Pyramid -> the levels beside their self-attended selves."""
        return list(self.neck(pyramid))

    def exchange(self, pyramid: Sequence[Tensor]) -> list[PerTask]:
        """Pyramid -> by scale, what the tasks' exchange makes of them."""
        _, exchanged = self.head._exchange(pyramid)
        return [list(maps.values()) for maps in exchanged]

    def aggregate(self, exchanged: Sequence[PerTask]) -> list[Tensor]:
        """Task features of all scales -> logits (B, K, h, w)."""
        maps = [
            dict(zip(self.head.tasks, features, strict=True))
            for features in exchanged
        ]
        return list(self.head._aggregate(maps).values())


class PlainForm(BuiltForm):
    """The same stages and weights, written as in the released code."""

    def __init__(self, model: nn.Module) -> None:
        """Copy the weights of a segmentor; see `BuiltForm`."""
        super().__init__(copy.deepcopy(model))
        self.swin = {
            block: _swin_attention(block)
            for block in self.model.modules()
            if isinstance(block, WindowAttentionBlock)
        }

    def attend(self, pyramid: Sequence[Tensor]) -> list[Tensor]:
        """Attend within windows; concatenate."""
        return [
            torch.cat([self._window_attention(stage, level), level], dim=1)
            for stage, level in zip(self.neck.stages, pyramid, strict=True)
        ]

    def exchange(self, pyramid: Sequence[Tensor]) -> list[PerTask]:
        """From the coarsest scale to the finest."""
        exchanged: list[PerTask] = []
        carried = None
        for level in range(len(pyramid) - 1, -1, -1):
            own = {}
            for task, blocks in self.head.scales[level].blocks.items():
                feature = pyramid[level]
                if carried is not None:
                    coarse = resize(carried[task], feature)
                    feature = torch.cat([feature, coarse], dim=1)
                own[task] = blocks(feature)
            mixed = self._across_tasks(level, own)
            exchanged = [list(mixed.values()), *exchanged]
            if level:
                carried = self._propagate(
                    self.head.propagations[level - 1], mixed
                )
        return exchanged

    def aggregate(self, exchanged: Sequence[PerTask]) -> list[Tensor]:
        """Attend across scales, resize, concatenate, convolve."""
        return [
            _aggregate(aggregation, [maps[index] for maps in exchanged])
            for index, aggregation in enumerate(
                self.head.aggregations.values()
            )
        ]

    def _across_tasks(
        self, level: int, features: Mapping[str, Tensor]
    ) -> TaskMaps:
        interaction = self.head.interactions[level]
        mixed = {}
        for target, own in features.items():
            pairs: list[Tensor] = []
            for source, other in features.items():
                if source != target:
                    block = interaction.attention[target][source]
                    answer = _cross_attention(block, own, other)
                    pairs = [torch.cat([own, answer], dim=1), *pairs]
            fusion = interaction.fusion
            block = fusion[target if target in fusion else 'all']
            mixed[target] = own + block(torch.cat(pairs, dim=1))
        return mixed

    def _propagate(
        self, layer: FeaturePropagation, features: Mapping[str, Tensor]
    ) -> TaskMaps:
        joined = torch.cat(list(features.values()), dim=1)
        scores = self._window_attention(layer.attention, joined)
        batch, width, height, length = joined.shape
        tasks = len(features)
        shape, axis = (batch, width // tasks, tasks, height, length), 2
        if layer.view == 'task_major':
            shape, axis = (batch, tasks, width // tasks, height, length), 1
        mask = scores.view(shape).softmax(axis)
        masked = (mask * joined.view(shape)).view(joined.shape)
        shared = layer.shared(masked)
        return {
            task: shared
            * layer.squeezes[task](shared.mean((2, 3)))[:, :, None, None]
            + feature
            for task, feature in features.items()
        }

    def _window_attention(
        self, stage: WindowAttentionStage, feature: Tensor
    ) -> Tensor:
        size = tuple(feature.shape[2:])
        tokens = stage.embed(feature).flatten(2).transpose(1, 2)
        tokens = stage.embed_norm(tokens)
        for block in stage.blocks:
            answer = self.swin[block](block.norm(tokens), size)
            tokens = tokens + block.drop_path(answer)
        tokens = stage.norm(tokens)
        return tokens.transpose(1, 2).unflatten(2, size).contiguous()


def resize(maps: Tensor, like: Tensor) -> Tensor:
    """Resize (B, C, h, w) to the height and width of another tensor."""
    return F.interpolate(
        maps, like.shape[2:], mode='bilinear', align_corners=False
    )


def _cross_attention(
    block: CrossAttention, target: Tensor, source: Tensor
) -> Tensor:
    query = F.softplus(block.query(target)).flatten(2)
    key = F.softplus(block.key(source)).flatten(2)
    value = block.value(source).flatten(2)
    context = torch.bmm(value, key.transpose(1, 2))
    total = key.sum(dim=2, keepdim=True).transpose(1, 2)
    answer = torch.bmm(context, query)
    answer = answer / torch.bmm(total, query).clamp(min=1e-12)
    return answer.view(target.shape)


def _aggregate(layer: ScaleAggregation, pyramid: Sequence[Tensor]) -> Tensor:
    parts = []
    for level, own in enumerate(pyramid[:-1]):
        attention = layer.cross_scale.attention[level]
        for step, coarser in enumerate(pyramid[level + 1 :]):
            source = layer.cross_scale.reduce[level][step](coarser)
            answer = _cross_attention(attention, own, source)
            parts.append(torch.cat([own, answer], dim=1))
    parts.append(pyramid[-1])
    joined = torch.cat([resize(part, pyramid[0]) for part in parts], dim=1)
    weight = layer.linear.weight[:, :, None, None]
    hidden = layer.norm(F.conv2d(joined, weight, layer.linear.bias))
    return layer.classifier(F.relu(hidden))


def _swin_attention(block: WindowAttentionBlock) -> ShiftWindowMSA:
    """Return mmsegmentation's attention with the same weights."""
    own = block.attention
    plain = ShiftWindowMSA(
        own.qkv.in_features,
        num_heads=own.num_heads,
        window_size=block.window_size,
        shift_size=block.shift,
    ).to(own.bias.table.device, own.bias.table.dtype)
    parts = {'qkv': own.qkv, 'proj': own.proj}
    for name, layer in parts.items():
        setattr(plain.w_msa, name, layer)
    plain.w_msa.relative_position_bias_table = own.bias.table
    return plain.train(block.training)
