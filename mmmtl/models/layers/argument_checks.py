"""Refusing arguments of a constructor, with the value found and the fix."""

from __future__ import annotations

from collections.abc import Sequence


def check_counts(**counts: int) -> None:
    """Refuse what is no whole number of 1 or more.

    Args:
        counts: Values by the name of the argument.

    Raises:
        ValueError: Names the first that is wrong.
    """
    for name, value in counts.items():
        # JSON and Python count True as 1; nobody means it.
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise ValueError(
                f'{name}={value!r}: give a whole number of 1 or more'
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


def check_heads(num_heads: int, channels: int) -> None:
    """Refuse heads that do not share the channels evenly.

    Args:
        num_heads: Heads of an attention.
        channels: Width of its tokens.

    Raises:
        ValueError: Names both.
    """
    if not isinstance(num_heads, int) or num_heads < 1 or channels % num_heads:
        raise ValueError(
            f'num_heads={num_heads!r} does not divide channels={channels}: '
            'choose a divisor'
        )


def check_levels(in_channels: Sequence[int]) -> None:
    """Refuse channels that are no pyramid.

    Args:
        in_channels: Channels of each level, finest first.

    Raises:
        ValueError: If there is no level, or one without channels.
    """
    if not isinstance(in_channels, Sequence) or not in_channels:
        raise ValueError(
            f'in_channels={in_channels!r} is empty or no list: give the '
            'channels of each level, finest first'
        )
    for level, channels in enumerate(in_channels):
        check_counts(**{f'in_channels[{level}]': channels})
