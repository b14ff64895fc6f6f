"""MulT's released two-task decoder (DEA1) written out, token by token.

Nothing of it is fast and nothing of it is ours but the weights: windows are
cut by index, the map is a softmax over a loop's scores.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

WINDOW = 7


def decoder(
    head: nn.Module, pyramid: list[Tensor], reference: str
) -> dict[str, Tensor]:
    """Four stages of two blocks; the first asks the skip, unshifted."""
    levels = [level.permute(0, 2, 3, 1) for level in pyramid[::-1]]
    streams = dict.fromkeys(head.tasks, levels[0])
    for index, skip in enumerate(levels):
        stage = head.stages[index]
        for number in range(2):
            block = stage.blocks[number]['shared']
            source = skip
            if number == 1:
                norm = block.streams[reference].norm1
                source = norm(streams[reference])
            streams = {
                task: one_stream(block, task, stream, source, 3 * number)
                for task, stream in streams.items()
            }
        if index + 1 < len(levels):
            size = levels[index + 1].shape[1:3]
            for task, stream in streams.items():
                layer = stage.upsampling[task]
                maps = F.interpolate(
                    stream.permute(0, 3, 1, 2),
                    size,
                    mode='bilinear',
                    align_corners=False,
                )
                normed = layer.norm(maps.permute(0, 2, 3, 1))
                streams[task] = normed @ layer.reduction.weight.T
    return {
        task: head.classifiers[task](stream.permute(0, 3, 1, 2))
        for task, stream in streams.items()
    }


def one_stream(
    block: nn.Module, task: str, stream: Tensor, source: Tensor, shift: int
) -> Tensor:
    """X + proj(map v), then + MLP, for one task with the common map."""
    own = block.streams[task]
    values = own.norm1(stream)
    mixed = torch.stack(
        [
            one_image(block, own.value, image, asked, shift)
            for image, asked in zip(values, source, strict=True)
        ]
    )
    stream = stream + own.projection(mixed)
    hidden = F.gelu(own.mlp[0](own.norm2(stream)))
    return stream + own.mlp[2](hidden)


def one_image(
    block: nn.Module,
    to_value: nn.Linear,
    values: Tensor,
    asked: Tensor,
    shift: int,
) -> Tensor:
    """Attend in every window of a padded and shifted ``(H, W, C)``."""
    height, width, channels = values.shape
    tall, wide = (-(-side // WINDOW) * WINDOW for side in (height, width))
    padded = []
    for maps in (asked, values):
        whole = maps.new_zeros(tall, wide, channels)
        whole[:height, :width] = maps
        padded.append(whole)
    result = values.new_zeros(tall, wide, channels)
    for top in range(0, tall, WINDOW):
        for left in range(0, wide, WINDOW):
            # Places in the padded map that the shift brings into the window.
            places = [
                ((top + y + shift) % tall, (left + x + shift) % wide)
                for y in range(WINDOW)
                for x in range(WINDOW)
            ]
            rows, columns = (list(axis) for axis in zip(*places, strict=True))
            tokens = [maps[rows, columns] for maps in padded]
            result[rows, columns] = one_window(
                block, to_value, *tokens, places=places, shift=shift
            )
    return result[:height, :width]


def one_window(
    block: nn.Module,
    to_value: nn.Linear,
    asked: Tensor,
    tokens: Tensor,
    *,
    places: list[tuple[int, int]],
    shift: int,
) -> Tensor:
    """Softmax of scores, bias and mask, for the 49 tokens of a window."""
    query, key = block.query_key(asked).chunk(2, dim=-1)
    value = to_value(tokens)
    heads, width = block.num_heads, query.shape[-1] // block.num_heads
    bias = torch.zeros(heads, WINDOW**2, WINDOW**2, dtype=query.dtype)
    for i, (y, x) in enumerate(places):
        for j, (v, u) in enumerate(places):
            down = i // WINDOW - j // WINDOW + WINDOW - 1
            right = i % WINDOW - j % WINDOW + WINDOW - 1
            bias[:, i, j] = block.bias.table[down * (2 * WINDOW - 1) + right]
            # Wrapped around the border: one of the two lies before `shift`.
            if (y < shift) != (v < shift) or (x < shift) != (u < shift):
                bias[:, i, j] -= 100
    out = []
    for h in range(heads):
        part = slice(h * width, (h + 1) * width)
        scores = query[:, part] @ key[:, part].T / width**0.5 + bias[h]
        out.append(scores.softmax(-1) @ value[:, part])
    return torch.cat(out, dim=-1)
