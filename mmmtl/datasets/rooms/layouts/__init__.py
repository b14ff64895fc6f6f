"""Folder layouts of real data sets that rooms can be written in.

A further layout is one more file here and one more row in ``LAYOUTS``.
"""

from .base import Layout
from .nyud import NYUD

LAYOUTS: dict[str, Layout] = {'nyud': NYUD}

__all__ = ['LAYOUTS', 'Layout']
