"""Does a pyramid have the channels that a layer was built for?"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor


def check_level_channels(
    pyramid: Sequence[Tensor], channels: Sequence[int]
) -> None:
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
