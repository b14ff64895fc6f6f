"""One soft map cut at many thresholds, packed as one bit per threshold."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

_BITS = 64


@dataclass(frozen=True)
class LevelStack:
    """Binary maps of one size, of which only the pixels set are stored.

    Bit ``k % 64`` of word ``k // 64`` belongs to map ``k``: an operation on
    words works on 64 maps at once.

    Attributes:
        size: Height and width.
        count: Number of maps ``K``.
        pixels: ``(S,)`` rising flat indices of the pixels set in any map.
        words: ``(S, ceil(K / 64))`` uint64, their bits.
    """

    size: tuple[int, int]
    count: int
    pixels: np.ndarray
    words: np.ndarray

    def mask(self, index: int) -> np.ndarray:
        """Return ``(S,)`` bool: which pixels map ``index`` has."""
        return get_bit(self.words, index)

    def to_maps(self) -> np.ndarray:
        """Return the maps, ``(K, H, W)`` bool."""
        maps = np.zeros((self.count, self.size[0] * self.size[1]), bool)
        for index in range(self.count):
            maps[index, self.pixels] = self.mask(index)
        return maps.reshape(self.count, *self.size)


def get_bit(words: np.ndarray, index: int) -> np.ndarray:
    """Return one bit of every row.

    Args:
        words: ``(N, W)`` uint64.
        index: Which of the ``64 W`` bits.

    Returns:
        ``(N,)`` bool.
    """
    one = np.uint64(1 << (index % _BITS))
    return (words[:, index // _BITS] & one) != 0


def cut_levels(levels: np.ndarray, count: int) -> LevelStack:
    """Cut a map of levels: map ``k`` is set where the level is above ``k``.

    Args:
        levels: ``(H, W)`` integers, 0 to ``count``: how many of the rising
            thresholds a pixel passes.
        count: Number of thresholds.

    Returns:
        The stack of ``count`` maps.
    """
    height, width = levels.shape
    flat = levels.ravel()
    pixels = np.flatnonzero(flat)
    # Row n has the lowest n bits set.
    below = np.arange(count)[None] < np.arange(count + 1)[:, None]
    padded = np.zeros((count + 1, -(-count // _BITS) * _BITS), dtype=bool)
    padded[:, :count] = below
    table = np.packbits(padded, axis=1, bitorder='little').view('<u8')
    words = table.astype(np.uint64)[flat[pixels]]
    return LevelStack((height, width), count, pixels, words)
