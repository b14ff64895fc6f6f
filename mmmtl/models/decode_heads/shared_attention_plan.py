"""Reading and checking the layout of a :class:`SharedAttentionHead`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal, get_args

from mmmtl.models.layers.argument_checks import check_heads, check_in_channels
from mmmtl.structures import did_you_mean

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
