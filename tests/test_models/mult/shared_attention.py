"""A small :class:`SharedAttentionHead`, and a pyramid to feed it."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from mmmtl.models.mult import SharedAttentionHead
from mmmtl.registry import MODELS, build_in_scope
from tests.tiny import NYUD, head_tasks

CHANNELS = (4, 8, 16, 32)
SIZES = ((15, 13), (8, 7), (4, 4), (2, 2))
SWIN_L = (192, 384, 768, 1536)
SIX = ('semseg', 'depth', 'normals', 'reshading', 'keypoints2d', 'edges2d')
PAPER = ('private', 'shared_skip')
SCA1 = ('shared_skip', 'private')
UNSHARED = ('private', 'private_skip')
DEA1 = ('shared_skip', 'shared_stream')


def build(tasks: Any = NYUD, **arguments: Any) -> SharedAttentionHead:
    head = build_in_scope(
        MODELS,
        dict(
            type='SharedAttentionHead',
            tasks=head_tasks(tasks),
            in_channels=list(CHANNELS),
            num_heads=[1, 2, 2, 4],
            drop_path_rate=0.0,
            dropout_ratio=0.0,
        )
        | arguments,
    )
    randomise(head)
    return head


def randomise(head: nn.Module) -> None:
    """Give every parameter values by which a mistake would show."""
    for name, parameter in head.named_parameters():
        norm = '.norm' in name and name.endswith('weight')
        std = 0.5 if parameter.ndim > 1 else 0.2
        nn.init.normal_(parameter, mean=float(norm), std=std)


def pyramid(batch: int = 2, sizes: Any = SIZES) -> list[Tensor]:
    return [
        torch.randn(batch, channels, *size)
        for channels, size in zip(CHANNELS, sizes, strict=True)
    ]
