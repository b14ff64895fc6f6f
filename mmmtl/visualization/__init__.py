"""Pictures of labels and predictions."""

from mmmtl.visualization.painters import PAINTERS, display_range, paint
from mmmtl.visualization.palettes import (
    default_palette,
    human_parts_palette,
)

__all__ = [
    'PAINTERS',
    'default_palette',
    'display_range',
    'human_parts_palette',
    'paint',
]
