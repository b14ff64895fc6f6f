"""Geometry of pictures and label maps, for data sets, rooms and metrics.

``boundaries.py``: outlines of regions; ``thinning.py`` and ``level_stack.py``:
thin lines; ``normals.py``: normals from depth; ``point_cloud.py``: points
from depth; ``operators.py``: 2D edges and key points of a picture;
``motion.py``: where points went when a camera moved. Maps are arrays of
numpy.

The names below are imported when they are asked for: the processes that
render rooms use ``operators.py`` and need neither OpenCV nor SciPy.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_HOMES = {
    'NYUD_COLOUR': 'normals',
    'Intrinsics': 'normals',
    'Lens': 'point_cloud',
    'fit_planes': 'normals',
    'instance_boundaries': 'boundaries',
    'normals_from_depth': 'normals',
    'normals_of_planes': 'normals',
    'outline': 'boundaries',
    'points_of_depth': 'point_cloud',
    'thin': 'thinning',
}

__all__ = list(_HOMES)


def __getattr__(name: str) -> Any:
    """Import a name from its module."""
    if name not in _HOMES:
        raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
    return getattr(import_module(f'{__name__}.{_HOMES[name]}'), name)
