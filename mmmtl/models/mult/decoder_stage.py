"""One stage of :class:`SharedAttentionHead`: all tasks at one level.

From one level of a decoder to the next finer one.

Source: "MulT: An End-to-End Multitask Learning Transformer", Bhattacharjee
et al., CVPR 2022; released code IVRL/MulT at d71bcbe.

Faithful:
    * Streams are resized to the exact size of the next level, which matters
      where a side is odd: 15, 29, 58, 116 pixels in the released recipe, none
      of them twice the one before.
    * First resized, then normalised, then halved by a linear map without a
      bias.

Departs:
    * Not in anything known.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal, get_args

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from mmmtl.errors import did_you_mean
from mmmtl.models.layers.argument_checks import check_heads, check_in_channels
from mmmtl.models.layers.resize import resize_bilinear
from mmmtl.models.mult.window_block import WindowBlock, linear

BlockKind = Literal['private', 'private_skip', 'shared_skip', 'shared_stream']
BLOCK_KINDS: tuple[str, ...] = get_args(BlockKind)
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


def read_stages(
    *,
    in_channels: Sequence[int],
    num_heads: Sequence[int] | None,
    blocks: Sequence[str] | Sequence[Sequence[str]],
    with_cp: bool | Sequence[bool],
) -> list[StagePlan]:
    """Check the layout, and return one plan per stage.

    Args:
        in_channels: Channels of the encoder's levels, finest first.
        num_heads: Heads by level, finest first.
        blocks: Kinds of the blocks of every stage, or a list of them by
            stage, coarsest first.
        with_cp: For every stage, or by stage, coarsest first.

    Returns:
        Plans in the order of computation, coarsest first.

    Raises:
        ValueError: If a number or a kind does not fit.
    """
    _check_channels(in_channels)
    levels = len(in_channels)
    if num_heads is None:
        num_heads = [channels // _HEAD_WIDTH for channels in in_channels]
    _check_length('num_heads', num_heads, levels)
    for channels, heads in zip(in_channels, num_heads, strict=True):
        check_heads(
            heads, channels, remark=f'a level of {list(in_channels)} channels'
        )
    kinds = _read_blocks(blocks, levels)
    if isinstance(with_cp, bool):
        with_cp = [with_cp] * levels
    _check_length('with_cp', with_cp, levels)
    if not all(isinstance(flag, bool) for flag in with_cp):
        raise ValueError(
            f'with_cp={list(with_cp)}: give True or False, for all stages or '
            'for each'
        )
    return [
        StagePlan(*stage)
        for stage in zip(
            in_channels[::-1], num_heads[::-1], kinds, with_cp, strict=True
        )
    ]


def choose_reference(tasks: Sequence[str], given: str | None) -> str:
    """Return the task whose queries and keys are shared.

    Args:
        tasks: The head's tasks.
        given: The one of the config; without it normals, which the paper
            found best, else depth, as in the released code, else the first.

    Raises:
        ValueError: If the given one is not among the tasks.
    """
    if given is None:
        return next((t for t in ('normals', 'depth') if t in tasks), tasks[0])
    if given not in tasks:
        raise ValueError(
            f'reference_task={given!r} is not among tasks={list(tasks)}: '
            'give one of them, or None for normals, else depth, else the '
            'first'
        )
    return given


def _check_channels(in_channels: Sequence[int]) -> None:
    check_in_channels(in_channels)
    for fine, coarse in pairwise(in_channels):
        if coarse != 2 * fine:
            raise ValueError(
                f'in_channels={list(in_channels)}: {coarse} is not twice '
                f'{fine}: the decoder halves the channels from level to '
                'level, so give a pyramid that doubles them, finest first, '
                'such as [96, 192, 384, 768]'
            )


def _read_blocks(blocks: Any, levels: int) -> list[tuple[str, ...]]:
    if isinstance(blocks, str) or not isinstance(blocks, Sequence):
        example = blocks if isinstance(blocks, str) else 'private_skip'
        raise ValueError(
            f"blocks={blocks!r}: give a list of kinds such as ['{example}']"
        )
    if all(isinstance(kind, str) for kind in blocks):
        blocks = [blocks] * levels
    _check_length('blocks', blocks, levels)
    for stage in blocks:
        if (
            isinstance(stage, str)
            or not isinstance(stage, Sequence)
            or not stage
        ):
            raise ValueError(
                f'blocks={list(blocks)}: a stage is {stage!r}: give each '
                f'stage one or more kinds out of {BLOCK_KINDS}'
            )
        for kind in stage:
            if kind not in BLOCK_KINDS:
                raise ValueError(
                    f'blocks has {kind!r}: {did_you_mean(kind, BLOCK_KINDS)}'
                )
    _check_skips(blocks)
    return [tuple(stage) for stage in blocks]


def _check_skips(blocks: Sequence[Sequence[str]]) -> None:
    """Refuse a stage that never looks at its level of the encoder.

    What the encoder computes for that level alone would get no gradient,
    and distributed training stops at such parameters. The coarsest level is
    where the streams start.
    """
    for index, stage in enumerate(blocks):
        if index and not any(kind.endswith('_skip') for kind in stage):
            raise ValueError(
                f'blocks: stage {index} (counted from the coarsest, 0) is '
                f'{list(stage)}, and nothing in it reads the level of the '
                'encoder, whose parameters would get no gradient: put '
                "'private_skip' (a map per task) or 'shared_skip' (one for "
                'all) into it'
            )


def _check_length(name: str, values: Any, levels: int) -> None:
    if isinstance(values, str) or not isinstance(values, Sequence):
        raise ValueError(f'{name}={values!r}: give a list, one per level')
    if len(values) != levels:
        raise ValueError(
            f'{name}={list(values)} has {len(values)} entries, but '
            f'in_channels has {levels} levels: give one per level'
        )


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
