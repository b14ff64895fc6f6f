"""Writes a small folder in NYUDv2's layout with known labels."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

FILES = {
    'image': 'images/{}.png',
    'semseg': 'segmentation/{}.png',
    'normals': 'normals/{}.png',
    'depth': 'depth/{}.npy',
    'edge': 'edge/{}.png',
}
SIZE = (12, 16)


def stored_arrays(size: tuple[int, int] = SIZE) -> dict[str, np.ndarray]:
    """Return what is stored for a sample, by task, and its image (RGB)."""
    height, width = size
    rows, columns = np.mgrid[:height, :width]
    normals = np.stack([rows * 9, columns * 7, rows + columns], -1)
    return {
        'image': np.stack([rows, columns, rows + 200], -1).astype(np.uint8),
        'semseg': ((rows + columns) % 41).astype(np.uint8),
        'normals': normals.astype(np.uint8),
        'depth': (1 + rows / 8 + columns / 16).astype(np.float32),
        'edge': np.where(rows == columns, 255, 0).astype(np.uint8),
    }


def write_file(root: Path, name: str, sample_id: str, array: object) -> Path:
    """Write one file of a sample.

    Args:
        root: The data folder.
        name: A task, or ``'image'``.
        sample_id: The sample.
        array: What to store.
    """
    path = root / FILES[name].format(sample_id)
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == '.npy':
        np.save(path, array)
    else:
        Image.fromarray(array).save(path)
    return path


def write_nyud(
    root: Path,
    train: Sequence[str] = ('0001', '0004'),
    val: Sequence[str] = ('0002',),
    size: tuple[int, int] = SIZE,
) -> Path:
    """Write a whole folder.

    Args:
        root: The data folder.
        train: Ids of the training samples.
        val: Ids of the validation samples.
        size: Height and width.
    """
    for sample_id in (*train, *val):
        for name, array in stored_arrays(size).items():
            write_file(root, name, sample_id, array)
    (root / 'gt_sets').mkdir(exist_ok=True)
    for split, ids in (('train', train), ('val', val)):
        text = ''.join(f'{i}\n' for i in ids)
        (root / f'gt_sets/{split}.txt').write_text(text)
    return root
