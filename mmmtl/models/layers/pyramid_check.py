"""Does a pyramid have the channels that a layer was built for?"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor


def check_in_channels(
    in_channels: Sequence[int], *, least: int = 1
) -> tuple[int, ...]:
    """Refuse a list of channels that is no pyramid.

    Args:
        in_channels: Channels of each level, finest first.
        least: Levels that are needed.

    Returns:
        The channels.

    Raises:
        ValueError: If there are too few levels or one has no channel.
    """
    channels = tuple(in_channels)
    if len(channels) < least:
        raise ValueError(
            f'in_channels={list(channels)}: give at least {least} '
            f'level{"s" if least > 1 else ""}, finest first'
        )
    if any(width < 1 for width in channels):
        raise ValueError(
            f'in_channels={list(channels)}: every level needs 1 channel or '
            'more'
        )
    return channels


def check_pyramid(pyramid: Sequence[Tensor], channels: Sequence[int]) -> None:
    """Refuse a pyramid of other channels.

    Args:
        pyramid: Levels ``(B, C_i, h_i, w_i)``, finest first.
        channels: The configured channels.

    Raises:
        ValueError: If the levels do not have them.
    """
    found = [level.shape[1] for level in pyramid]
    if found != list(channels):
        raise ValueError(
            f'pyramid with channels {found}, but '
            f'in_channels={list(channels)}: set in_channels to what backbone '
            "and neck give (or the backbone's out_indices) so that they agree"
        )
