"""Geometry of label maps: boundaries, thin lines, normals from depth.

Numpy only; data sets make labels with it and metrics measure with it.
"""

from mmmtl.geometry.boundaries import instance_boundaries, outline
from mmmtl.geometry.normals import (
    NYUD_COLOUR,
    Intrinsics,
    fit_planes,
    normals_from_depth,
    normals_of_planes,
)
from mmmtl.geometry.thinning import thin

__all__ = [
    'NYUD_COLOUR',
    'Intrinsics',
    'fit_planes',
    'instance_boundaries',
    'normals_from_depth',
    'normals_of_planes',
    'outline',
    'thin',
]
