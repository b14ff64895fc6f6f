"""Point clouds as binary ``.ply``, which MeshLab, Open3D and Blender read."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mmmtl.io.folders import new_file

_TYPES = {'<f4': 'float', '|u1': 'uchar'}


def write_ply(
    path: str | Path,
    points: np.ndarray,
    colours: np.ndarray,
    normals: np.ndarray | None = None,
    *,
    comments: Sequence[str] = (),
) -> None:
    """Write points with colours.

    Args:
        path: The file.
        points: ``(N, 3)``.
        colours: ``(N, 3)`` uint8 RGB.
        normals: ``(N, 3)`` unit vectors.
        comments: Lines of ASCII for the header.
    """
    names = ['x', 'y', 'z']
    if normals is not None:
        names += ['nx', 'ny', 'nz']
    fields = [(name, '<f4') for name in names]
    fields += [(name, '|u1') for name in ('red', 'green', 'blue')]
    vertices = np.empty(len(points), fields)
    parts = (points, *([] if normals is None else [normals]), colours)
    columns = (column for part in parts for column in part.T)
    for (name, _), column in zip(fields, columns, strict=True):
        vertices[name] = column
    header = [
        'ply',
        'format binary_little_endian 1.0',
        *(f'comment {line}' for line in comments),
        f'element vertex {len(points)}',
        *(f'property {_TYPES[code]} {name}' for name, code in fields),
        'end_header\n',
    ]
    with new_file(path) as partial, partial.open('wb') as file:
        file.write('\n'.join(header).encode('ascii'))
        file.write(vertices.data)
