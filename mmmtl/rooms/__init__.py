"""Rendered rooms: pictures of indoor scenes with exact labels for all tasks.

The package needs numpy only (and Pillow where it writes files).
"""

from mmmtl.rooms.classes import (
    CLASSES,
    HUMAN_PARTS,
    PALETTE,
    RENDERER_VERSION,
)
from mmmtl.rooms.render import RoomSample, render_room

__all__ = [
    'CLASSES',
    'HUMAN_PARTS',
    'PALETTE',
    'RENDERER_VERSION',
    'RoomSample',
    'render_room',
]
