"""A list of class names in their colours, the size of a picture."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

_LINE = 14  # pixels
_COLUMN = 96  # pixels; the longest usual name in the small font
_INK = (32, 32, 32)


def draw_legend(
    ids: Sequence[int],
    names: Sequence[str],
    palette: np.ndarray,
    size: tuple[int, int],
) -> np.ndarray:
    """Draw the names of some classes, as many as there is room for.

    Args:
        ids: Class ids to name, the most important first.
        names: Name of every class.
        palette: ``(N, 3)`` RGB colour of every class.
        size: ``(height, width)`` of the picture.

    Returns:
        ``(height, width, 3)`` uint8 RGB on white.
    """
    height, width = size
    picture = np.full((height, width, 3), 255, np.uint8)
    per_column = max(height // _LINE, 1)
    for place, index in enumerate(ids):
        column, line = divmod(place, per_column)
        x, y = column * _COLUMN, line * _LINE
        if x + _COLUMN > width and column > 0:
            break
        colour = tuple(int(c) for c in palette[index])
        cv2.rectangle(picture, (x, y + 2), (x + 9, y + 11), colour, -1)
        cv2.putText(
            picture,
            str(names[index]),
            (x + 13, y + 11),
            cv2.FONT_HERSHEY_SIMPLEX,
            0.34,
            _INK,
            1,
            cv2.LINE_AA,
        )
    return picture
