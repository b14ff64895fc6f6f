"""SCA-MTL as released (kimsunkyung/SCA_MTL at 8214866), and as built here.

A block of attention for every pair of target and source, target features
repeated beside every answer, everything resized and concatenated before the
1080-channel convolution, mmsegmentation's Swin attention. The initial
predictions, which only training needs, are left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from mmseg.models.backbones.swin import ShiftWindowMSA
from torch import Tensor, nn
from torch.nn import functional as F

from mmmtl.models.sca_mtl.window_self_attention import WindowAttentionBlock
from tests.reference.layers import joined, resize, to_map, to_tokens

TaskMaps = dict[str, Tensor]
PerTask = Sequence[Tensor]


class Plain:
    """The stages as released, with the weights of a neck and a head."""

    def __init__(self, neck: nn.Module, head: nn.Module) -> None:
        """Take a WindowSelfAttention, a SequentialCrossAttentionHead."""
        self.neck, self.head = neck, head
        self.swin = swin_attentions(neck) | swin_attentions(head)

    def attend(self, pyramid: Sequence[Tensor]) -> list[Tensor]:
        """Attend within windows; concatenate."""
        return [
            torch.cat([window_stage(stage, level, self.swin), level], dim=1)
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
            mixed = across_tasks(self.head.interactions[level], own)
            exchanged = [list(mixed.values()), *exchanged]
            if level:
                layer = self.head.propagations[level - 1]
                carried = propagate(layer, mixed, self.swin)
        return exchanged

    def aggregate(self, exchanged: Sequence[PerTask]) -> list[Tensor]:
        """Attend across scales, resize, concatenate, convolve."""
        logits = []
        for index, layer in enumerate(self.head.aggregations.values()):
            pyramid = [maps[index] for maps in exchanged]
            answers = across_scales(layer.cross_scale, pyramid)
            logits.append(aggregate(layer, pyramid, answers))
        return logits


class Built:
    """The stages as neck and head compute them."""

    def __init__(self, neck: nn.Module, head: nn.Module) -> None:
        """Take the two parts; see `Plain`."""
        self.neck, self.head = neck, head

    def attend(self, pyramid: Sequence[Tensor]) -> list[Tensor]:
        """Pyramid -> the levels, each beside what attention made of it."""
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


def cross_attention(
    block: nn.Module, target: Tensor, source: Tensor
) -> Tensor:
    """Attention linear in pixels, of one target over one source."""
    query = F.softplus(block.query(target)).flatten(2)
    key = F.softplus(block.key(source)).flatten(2)
    value = block.value(source).flatten(2)
    context = torch.bmm(value, key.transpose(1, 2))
    total = key.sum(dim=2, keepdim=True).transpose(1, 2)
    answer = torch.bmm(context, query)
    answer = answer / torch.bmm(total, query).clamp(min=1e-12)
    return answer.view(target.shape)


def across_tasks(
    interaction: nn.Module, features: Mapping[str, Tensor]
) -> TaskMaps:
    """CTAM: the target beside each answer, the last source first."""
    mixed = {}
    for target, own in features.items():
        pairs: list[Tensor] = []
        for source, other in features.items():
            if source != target:
                block = interaction.attention[target][source]
                answer = cross_attention(block, own, other)
                pairs = [torch.cat([own, answer], dim=1), *pairs]
        fusion = interaction.fusion
        block = fusion[target if target in fusion else 'all']
        mixed[target] = own + block(torch.cat(pairs, dim=1))
    return mixed


def across_scales(
    layer: nn.Module, pyramid: Sequence[Tensor]
) -> list[list[Tensor]]:
    """CSAM: per level the answers of the coarser ones, in their order."""
    return [
        [
            cross_attention(
                layer.attention[level], own, layer.reduce[level][step](other)
            )
            for step, other in enumerate(pyramid[level + 1 :])
        ]
        for level, own in enumerate(pyramid)
    ]


def aggregate(
    layer: nn.Module,
    pyramid: Sequence[Tensor],
    answers: Sequence[Sequence[Tensor]],
) -> Tensor:
    """Each level beside every answer to it, all at the finest size."""
    parts: list[Tensor] = []
    for own, others in zip(pyramid, answers, strict=True):
        parts += [m for other in others for m in (own, other)] or [own]
    weight = layer.linear.weight[:, :, None, None]
    hidden = F.conv2d(joined(parts), weight, layer.linear.bias)
    return layer.classifier(F.relu(layer.norm(hidden)))


def propagate(
    layer: nn.Module,
    features: Mapping[str, Tensor],
    swin: Mapping[nn.Module, nn.Module],
) -> TaskMaps:
    """FPMA: a mask over the tasks' channels, then squeeze and excite."""
    beside = torch.cat(list(features.values()), dim=1)
    scores = window_stage(layer.attention, beside, swin)
    batch, width, height, length = beside.shape
    tasks = len(features)
    shape, axis = (batch, width // tasks, tasks, height, length), 2
    if layer.view == 'task_major':
        shape, axis = (batch, tasks, width // tasks, height, length), 1
    mask = scores.view(shape).softmax(axis)
    shared = layer.shared((mask * beside.view(shape)).view(beside.shape))
    return {
        task: shared
        * layer.squeezes[task](shared.mean((2, 3)))[:, :, None, None]
        + feature
        for task, feature in features.items()
    }


def window_stage(
    stage: nn.Module, maps: Tensor, swin: Mapping[nn.Module, nn.Module]
) -> Tensor:
    """Embed, attend within windows block by block, norm."""
    size = tuple(maps.shape[2:])
    tokens = stage.embed_norm(to_tokens(stage.embed(maps)))
    for block in stage.blocks:
        answer = swin[block](block.norm(tokens), size)
        tokens = tokens + block.drop_path(answer)
    return to_map(stage.norm(tokens), size).contiguous()


def swin_attentions(module: nn.Module) -> dict[nn.Module, ShiftWindowMSA]:
    """Per block mmsegmentation's attention with its very weights."""
    found = {}
    for block in module.modules():
        if not isinstance(block, WindowAttentionBlock):
            continue
        own = block.attention
        plain = ShiftWindowMSA(
            own.qkv.in_features,
            num_heads=own.num_heads,
            window_size=block.window_size,
            shift_size=block.shift,
        ).to(own.bias.table.device, own.bias.table.dtype)
        plain.w_msa.qkv, plain.w_msa.proj = own.qkv, own.proj
        plain.w_msa.relative_position_bias_table = own.bias.table
        found[block] = plain.train(block.training)
    return found
