"""The kinds of maps, one file each."""

from mmmtl.tasks.kinds.base import KINDS, Kind, Primary, register_kind
from mmmtl.tasks.kinds.binary import Binary
from mmmtl.tasks.kinds.classes import Classes
from mmmtl.tasks.kinds.depth import Depth
from mmmtl.tasks.kinds.normals import Normals
from mmmtl.tasks.kinds.scalar import Scalar

__all__ = [
    'KINDS',
    'Binary',
    'Classes',
    'Depth',
    'Kind',
    'Normals',
    'Primary',
    'Scalar',
    'register_kind',
]
