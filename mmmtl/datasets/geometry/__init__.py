"""Pure geometry and topology of label maps: numpy in, numpy out."""

from mmmtl.datasets.geometry.instance_boundaries import instance_boundaries
from mmmtl.datasets.geometry.intrinsics import NYUD_COLOUR, Intrinsics
from mmmtl.datasets.geometry.normals_from_depth import (
    fit_planes,
    normals_from_depth,
    normals_of_planes,
)

__all__ = [
    'NYUD_COLOUR',
    'Intrinsics',
    'fit_planes',
    'instance_boundaries',
    'normals_from_depth',
    'normals_of_planes',
]
