"""Rendered rooms: pictures of indoor scenes with exact labels for all tasks.

The package needs numpy only (and Pillow where it writes files) and imports
nothing else of mmmtl, so that worker processes start quickly.
"""

from .classes import CLASSES, HUMAN_PARTS, PALETTE, RENDERER_VERSION
from .render import RoomSample, render_room

__all__ = [
    'CLASSES',
    'HUMAN_PARTS',
    'PALETTE',
    'RENDERER_VERSION',
    'RoomSample',
    'render_room',
]
