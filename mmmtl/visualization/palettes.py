"""Colours of classes where the data set brings none."""

from __future__ import annotations

import numpy as np

from mmmtl.palettes import default_palette

#: Colour of a pixel without a label in pictures of classes, depth, normals.
NO_LABEL = (0, 0, 0)
# Everything that is no person stays in the background of the picture.
_NO_PERSON = (56, 56, 56)


def human_parts_palette(num_parts: int) -> np.ndarray:
    """Return colours of body parts; 0, the background, is dark grey.

    Args:
        num_parts: Number of ids, the background included.

    Returns:
        ``(num_parts, 3)`` uint8 RGB.
    """
    nobody = np.array([_NO_PERSON], np.uint8)
    people = default_palette(max(num_parts - 1, 1))
    return np.concatenate([nobody, people])[:num_parts]
