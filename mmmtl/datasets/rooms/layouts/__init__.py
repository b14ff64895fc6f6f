"""Folder layouts of real data sets that rooms can be written in.

A further layout is one more file here and one more row in ``LAYOUTS``.
"""

from .base import Layout
from .nyud import NYUD
from .pascal_context import PASCAL_CONTEXT
from .taskonomy import TASKONOMY

LAYOUTS: dict[str, Layout] = {
    'nyud': NYUD,
    'pascal_context': PASCAL_CONTEXT,
    'taskonomy': TASKONOMY,
}

__all__ = ['LAYOUTS', 'Layout']
