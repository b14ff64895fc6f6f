"""One stage of MulT's decoder: all tasks at one level of the pyramid."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from mmmtl.models.argument_checks import check_choice
from mmmtl.models.layers.resize import resize_bilinear
from mmmtl.models.mult.window_block import WindowBlock, linear

BlockKind = Literal['private', 'private_skip', 'shared_skip', 'shared_stream']
# Channels of a head where their number is not given; Swin's.
_HEAD_WIDTH = 32


@dataclass(frozen=True)
class StagePlan:
    """One stage of the decoder.

    Attributes:
        channels: Width of the streams and of the encoder's level.
        num_heads: Heads of its attentions.
        blocks: Kinds of its blocks.
        with_cp: Whether its blocks are computed again in the backward pass.
    """

    channels: int
    num_heads: int
    blocks: tuple[str, ...]
    with_cp: bool


def plan_stages(
    *,
    in_channels: Sequence[int],
    num_heads: Sequence[int] | None,
    blocks: Sequence[str] | Sequence[Sequence[str]],
    with_cp: bool | Sequence[bool],
) -> list[StagePlan]:
    """Return one plan per stage in the order of computation, coarsest first.

    Args:
        in_channels: Channels of the encoder's levels, finest first.
        num_heads: Heads by level, finest first; one per 32 channels if None.
        blocks: Kinds of the blocks of every stage, or a list of them by
            stage, coarsest first.
        with_cp: For every stage, or by stage, coarsest first.

    Raises:
        ValueError: If a kind is unknown or a stage does not read the encoder.
    """
    levels = len(in_channels)
    if num_heads is None:
        num_heads = [channels // _HEAD_WIDTH for channels in in_channels]
    alike = isinstance(blocks[0], str)
    by_stage: Any = [blocks] * levels if alike else blocks
    _check_blocks(by_stage)
    if isinstance(with_cp, bool):
        with_cp = [with_cp] * levels
    return [
        StagePlan(channels, heads, tuple(kinds), again)
        for channels, heads, kinds, again in zip(
            in_channels[::-1], num_heads[::-1], by_stage, with_cp, strict=True
        )
    ]


def _check_blocks(blocks: Sequence[Sequence[str]]) -> None:
    """Refuse kinds that are none, and stages that do not read the encoder.

    What the encoder computes for such a stage's level alone would get no
    gradient, and distributed training stops at such parameters. The coarsest
    level is where the streams start.
    """
    for index, stage in enumerate(blocks):
        for kind in stage:
            check_choice(BlockKind, blocks=kind)
        if index and not any(kind.endswith('_skip') for kind in stage):
            raise ValueError(
                f'blocks: stage {index} (counted from the coarsest, 0) is '
                f'{list(stage)}, and nothing in it reads the level of the '
                'encoder, whose parameters would get no gradient: put '
                "'private_skip' (a map per task) or 'shared_skip' (one for "
                'all) into it'
            )


class DecoderStage(nn.Module):
    """The blocks of all tasks at one level, then the way to the next."""

    def __init__(
        self,
        plan: StagePlan,
        *,
        tasks: Sequence[str],
        reference: str,
        window: int,
        mlp_ratio: float,
        drop_paths: Sequence[float],
        upsample: bool,
    ) -> None:
        """Build the stage.

        Args:
            plan: Width, heads and kinds of blocks.
            tasks: Names of the streams.
            reference: Task whose stream ``shared_stream`` attends with.
            window: Side of a window in pixels.
            mlp_ratio: Width of the MLPs over that of the stage.
            drop_paths: Stochastic depth, block by block.
            upsample: Whether a finer stage follows.
        """
        super().__init__()
        self.with_cp = plan.with_cp

        def block(
            kind: str, index: int, streams: Sequence[str]
        ) -> WindowBlock:
            own = streams[0] if kind == 'private' else reference
            return WindowBlock(
                plan.channels,
                streams=streams,
                reference=None if kind.endswith('_skip') else own,
                num_heads=plan.num_heads,
                window=window,
                shift=window // 2 if index % 2 else 0,
                mlp_ratio=mlp_ratio,
                drop_path=drop_paths[index],
            )

        # Tasks that share a map form a group; without sharing, each its own.
        self.blocks = nn.ModuleList(
            nn.ModuleDict(
                {'shared': block(kind, index, tasks)}
                if kind.startswith('shared')
                else {task: block(kind, index, [task]) for task in tasks}
            )
            for index, kind in enumerate(plan.blocks)
        )
        self.upsampling = nn.ModuleDict(
            {task: TokenUpsampling(plan.channels) for task in tasks}
            if upsample
            else {}
        )

    def forward(
        self,
        streams: Mapping[str, Tensor],
        skip: Tensor,
        size: tuple[int, int] | None,
    ) -> dict[str, Tensor]:
        """Apply the blocks and upsample.

        Args:
            streams: ``{task: (B, H, W, C)}``.
            skip: ``(B, H, W, C)`` feature of the encoder.
            size: Of the next level; None after the last stage.

        Returns:
            ``{task: (B, H', W', C / 2)}`` in the order of the tasks; after
            the last stage of the size they came in.
        """
        for groups in self.blocks:
            mixed: dict[str, Tensor] = {}
            for group in groups.values():
                if self.with_cp and torch.is_grad_enabled():
                    mixed |= checkpoint(
                        group, streams, skip, use_reentrant=False
                    )
                else:
                    mixed |= group(streams, skip)
            streams = mixed
        if size is None:
            return dict(streams)
        return {
            task: self.upsampling[task](stream, size)
            for task, stream in streams.items()
        }


class TokenUpsampling(nn.Module):
    """Resize to the next level's exact size, normalise, halve the channels."""

    def __init__(self, channels: int) -> None:
        """Build norm and linear map.

        Args:
            channels: Width before; an even number.
        """
        super().__init__()
        self.norm = nn.LayerNorm(channels)
        self.reduction = linear(channels, channels // 2, bias=False)

    def forward(self, stream: Tensor, size: tuple[int, int]) -> Tensor:
        """Upsample a stream.

        Args:
            stream: ``(B, h, w, C)``.
            size: ``(H, W)`` of the next level.

        Returns:
            ``(B, H, W, C / 2)``.
        """
        maps = resize_bilinear(stream.permute(0, 3, 1, 2), size)
        return self.reduction(self.norm(maps.permute(0, 2, 3, 1)))
