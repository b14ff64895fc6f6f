"""Writes a small folder in Taskonomy's layout with known labels."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

#: Folder of a domain, and its spelling in file names, by task.
DOMAINS = {
    'image': ('rgb', 'rgb'),
    'semseg': ('segment_semantic', 'segmentsemantic'),
    'depth': ('depth_zbuffer', 'depth_zbuffer'),
    'normals': ('normal', 'normal'),
    'reshading': ('reshading', 'reshading'),
    'keypoints2d': ('keypoints2d', 'keypoints2d'),
    'edges2d': ('edge_texture', 'edge_texture'),
}
SIZE = (12, 16)
#: Rows and columns without a surface.
HOLE = (slice(2, 4), slice(5, 9))


def holes(size: tuple[int, int] = SIZE) -> np.ndarray:
    """Return where the stored arrays have no surface, bool."""
    found = np.zeros(size, bool)
    found[HOLE] = True
    return found


def stored_arrays(size: tuple[int, int] = SIZE) -> dict[str, np.ndarray]:
    """Return what is stored for a view, by task, and its image (RGB)."""
    rows, columns = np.mgrid[: size[0], : size[1]]
    angle = np.stack([rows / size[0], columns / size[1]], -1) / 2
    x, y = np.sin(angle[..., 0]), np.sin(angle[..., 1])
    z = -np.sqrt(1 - x * x - y * y)
    normals = np.round((np.stack([x, y, z], -1) + 1) * 127.5)
    grey = np.minimum(3 + 5 * rows + 11 * columns, 255)
    # Far columns exceed 32767.
    depth = np.minimum(900 + 40 * rows + 2500 * columns, 65000)
    normals[holes(size)], grey[holes(size)] = 128, 13
    depth[holes(size)] = 65535
    return {
        'image': np.stack([rows, columns, rows + 200], -1).astype(np.uint8),
        'semseg': ((rows + columns) % 18).astype(np.uint8),
        'depth': depth.astype(np.uint16),
        'normals': normals.astype(np.uint8),
        'reshading': np.stack([grey] * 3, -1).astype(np.uint8),
        'keypoints2d': (3 * rows * columns).astype(np.uint16),
        'edges2d': (45 * rows * columns).astype(np.uint16),
    }


def path_of(root: Path, name: str, sample_id: str) -> Path:
    """Return the file of a task, or of ``'image'``, in the main layout."""
    domain, spelling = DOMAINS[name]
    return root / f'{domain}/taskonomy/{sample_id}_domain_{spelling}.png'


def write_file(root: Path, name: str, sample_id: str, array: object) -> Path:
    """Write one file of a view.

    Args:
        root: The data folder.
        name: A task, or ``'image'``.
        sample_id: ``building/view``.
        array: What to store.
    """
    path = path_of(root, name, sample_id)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array).save(path)
    return path


def write_taskonomy(
    root: Path,
    train: Sequence[str] = ('adams/point_0_view_1', 'adams/point_7_view_0'),
    val: Sequence[str] = ('berry/point_0_view_1',),
    size: tuple[int, int] = SIZE,
) -> Path:
    """Write a whole folder.

    Args:
        root: The data folder.
        train: Ids of the training views.
        val: Ids of the validation views.
        size: Height and width.
    """
    for sample_id in (*train, *val):
        for name, array in stored_arrays(size).items():
            write_file(root, name, sample_id, array)
    (root / 'splits').mkdir(exist_ok=True)
    for split, ids in (('train', train), ('val', val)):
        text = ''.join(f'{i}\n' for i in ids)
        (root / f'splits/{split}.txt').write_text(text)
    return root
