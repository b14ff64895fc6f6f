"""Checks of stored arrays that the decoders of several data sets share."""

from __future__ import annotations

import numpy as np

_KINDS = {'iu': 'whole numbers', 'u': 'uint8', 'f': 'floating point'}


def check_map(stored: np.ndarray, what: str, kinds: str) -> None:
    """Refuse an array that is no map of one value per pixel.

    Args:
        stored: What a file holds.
        what: What the values are, for the error text.
        kinds: The kinds of numpy types to accept: ``'iu'``, ``'u'`` or
            ``'f'``.

    Raises:
        ValueError: If it has another shape or type.
    """
    if stored.ndim != 2 or stored.dtype.kind not in kinds:
        raise ValueError(
            f'is {stored.dtype} {stored.shape}: write (H, W) {_KINDS[kinds]} '
            f'({what})'
        )


def check_bytes(stored: np.ndarray, what: str) -> None:
    """Refuse an array that is no map of one byte per pixel.

    Args:
        stored: What a file holds.
        what: What the values are, for the error text.

    Raises:
        ValueError: If it has another shape or type.
    """
    if stored.ndim != 2 or stored.dtype != np.uint8:
        raise ValueError(
            f'is {stored.dtype} {stored.shape}: write a picture of one '
            f'channel of 8 bits ({what})'
        )
