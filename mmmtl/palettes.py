"""Colours that are easy to tell apart, for tables of classes and pictures.

Numpy only: data sets and pictures stand on it alike.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

# Neither end of the scale: neon colours drown the rest of a picture.
_LEVELS = (36, 64, 92, 120, 148, 176, 204, 232)


def default_palette(num_classes: int) -> np.ndarray:
    """Return distinct colours, the same ones in every run.

    Args:
        num_classes: How many, 1 to 512.

    Returns:
        ``(num_classes, 3)`` uint8 RGB; none is black or white. A shorter
        palette is the beginning of a longer one.
    """
    return _colour_order()[:num_classes].copy()


@lru_cache(maxsize=1)
def _colour_order() -> np.ndarray:
    """Return RGB colours ``(512, 3)``, each far from all that come before.

    Far is meant as seen: the distance weighs green most, and red and blue by
    how red the colours are. In whole numbers, so that the order is the same
    on every machine.
    """
    grid = np.stack(np.meshgrid(_LEVELS, _LEVELS, _LEVELS), -1)
    grid = grid.reshape(-1, 3).astype(np.int64)
    # Black means "no label", white is the paper, and a grey one could be
    # taken for either or for the background: colours keep away from them.
    nearest = np.min(
        [_squared_distance(grid, np.full(3, v)) for v in (0, 128, 255)],
        axis=0,
    )
    order = []
    for _ in range(len(grid)):
        farthest = int(np.argmax(nearest))
        order.append(farthest)
        nearest = np.minimum(nearest, _squared_distance(grid, grid[farthest]))
    return grid[order].astype(np.uint8)


def _squared_distance(colours: np.ndarray, colour: np.ndarray) -> np.ndarray:
    red, green, blue = ((colours - colour) ** 2).T
    redness = (colours[:, 0] + colour[0]) // 2
    return (512 + redness) * red + 1024 * green + (767 - redness) * blue
