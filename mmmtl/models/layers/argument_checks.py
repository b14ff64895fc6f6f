"""Refusing arguments of a constructor, with the value found and the fix."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any


def check_counts(*, least: int = 1, **counts: int) -> None:
    """Refuse what is no whole number, or too small.

    Args:
        least: The smallest that will do.
        counts: Values by the name of the argument.

    Raises:
        ValueError: Names the first that is wrong.
    """
    for name, value in counts.items():
        # JSON and Python count True as 1; nobody means it.
        whole = isinstance(value, int) and not isinstance(value, bool)
        if not whole or value < least:
            raise ValueError(
                f'{name}={value!r}: give a whole number of {least} or more'
            )


def check_rates(**rates: float) -> None:
    """Refuse a share of things to drop that is not in ``[0, 1)``.

    Args:
        rates: Values by the name of the argument.

    Raises:
        ValueError: Names the first that is wrong.
    """
    for name, value in rates.items():
        if not isinstance(value, (int, float)) or not 0 <= value < 1:
            raise ValueError(
                f'{name}={value!r}: give a share of 0 or more, below 1'
            )


def check_mlp_ratio(mlp_ratio: float, channels: int) -> None:
    """Refuse an MLP without a hidden channel.

    Args:
        mlp_ratio: Width of the MLP over that of its tokens.
        channels: Width of its tokens; the least, of several MLPs.

    Raises:
        ValueError: Names both, and the smallest ratio that will do.
    """
    # The upper end refuses infinity and NaN, which int() would not take.
    if (
        not isinstance(mlp_ratio, (int, float))
        or isinstance(mlp_ratio, bool)
        or not 0 < mlp_ratio < math.inf
        or int(mlp_ratio * channels) < 1
    ):
        raise ValueError(
            f'mlp_ratio={mlp_ratio!r}: its MLP on {channels} channels has no '
            f'hidden one: give a number of 1 / {channels} or more, such as 4'
        )


def check_flags(**flags: bool) -> None:
    """Refuse what is neither True nor False.

    Args:
        flags: Values by the name of the argument.

    Raises:
        ValueError: Names the first that is wrong.
    """
    for name, value in flags.items():
        # 'False' from a command line would count as true.
        if not isinstance(value, bool):
            raise ValueError(f'{name}={value!r}: give True or False')


def check_layer_config(**configs: Mapping[str, Any]) -> None:
    """Refuse what is no config of a layer.

    Args:
        configs: Values by the name of the argument.

    Raises:
        ValueError: Names the first that is wrong.
    """
    for name, value in configs.items():
        if not isinstance(value, Mapping) or 'type' not in value:
            raise ValueError(
                f'{name}={value!r}: give a dictionary with a type, such as '
                "dict(type='BN')"
            )


def check_heads(num_heads: int, channels: int, *, remark: str = '') -> None:
    """Refuse heads that do not share the channels evenly.

    Args:
        num_heads: Heads of an attention.
        channels: Width of its tokens.
        remark: Where the width or the heads come from, for the error.

    Raises:
        ValueError: Names both.
    """
    if not isinstance(num_heads, int) or num_heads < 1 or channels % num_heads:
        raise ValueError(
            f'num_heads={num_heads!r} does not divide channels={channels}'
            f'{remark and f" ({remark})"}: choose a divisor'
        )


def check_in_channels(
    in_channels: Sequence[int], *, least: int = 1
) -> tuple[int, ...]:
    """Refuse channels that are no pyramid.

    Args:
        in_channels: Channels of each level, finest first.
        least: Levels that are needed.

    Returns:
        The channels.

    Raises:
        ValueError: If there are too few levels, or one without channels.
    """
    if not isinstance(in_channels, Sequence) or len(in_channels) < least:
        raise ValueError(
            f'in_channels={in_channels!r}: give a list of the channels of at '
            f'least {least} level{"s" if least > 1 else ""}, finest first'
        )
    for level, channels in enumerate(in_channels):
        check_counts(**{f'in_channels[{level}]': channels})
    return tuple(in_channels)
