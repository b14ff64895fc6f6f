"""Writes small files in the formats of NYU Depth v2's official download."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from scipy.io import savemat

from mmmtl.geometry import NYUD_COLOUR

SHAPE = (480, 640)
# Slopes of a left and a right surface, like the two leaves of a book.
NORMALS = (np.array([0.6, 0.0, -0.8]), np.array([-0.6, 0.0, -0.8]))


def frame(number: int) -> dict[str, np.ndarray]:
    """Return one view in image order: two walls that meet at column 320."""
    rows, columns = np.mgrid[: SHAPE[0], : SHAPE[1]]
    x = (columns - NYUD_COLOUR.cx) / NYUD_COLOUR.fx
    left, right = (-(n[0] * x + n[2]) for n in NORMALS)
    distance = 1.5 + 0.1 * number
    depth = distance / np.where(columns < 320, left, right)
    raw = depth.copy()
    raw[100:140, 60:100] = 0  # a hole, in-painted in `depth`
    labels = np.where(columns < 320, 3, 894)
    labels[:, 300:304] = 0
    instances = np.where(rows < 240, 1, 2)
    image = np.stack([rows % 256, columns % 256, rows * 0 + number], -1)
    return {
        'images': image.astype(np.uint8),
        'depths': depth.astype(np.float32),
        'rawDepths': raw.astype(np.float32),
        'labels': labels.astype(np.uint16),
        'instances': instances.astype(np.uint8),
    }


def write_labeled(path: Path, frames: int = 3) -> Path:
    """Write the HDF5 file: reversed axes, cells as references.

    Args:
        path: The file.
        frames: Number of views.
    """
    import h5py

    views = [frame(number) for number in range(1, frames + 1)]
    with h5py.File(path, 'w', userblock_size=512) as file:
        for name in views[0]:
            stack = np.stack([view[name].T for view in views])
            chunks = (1, *stack.shape[1:])
            file.create_dataset(name, data=stack, chunks=chunks, compression=1)
        cells = file.create_dataset('names', (1, 2), h5py.ref_dtype)
        for place, text in enumerate(('book', 'bottle')):
            codes = np.array([[ord(letter)] for letter in text], np.uint16)
            cell = file.create_dataset(f'#refs#/{place}', data=codes)
            cells[0, place] = cell.ref
    return path


def write_splits(path: Path, train: list[int], test: list[int]) -> Path:
    """Write ``splits.mat``."""
    columns = {'trainNdxs': train, 'testNdxs': test}
    savemat(
        path,
        {k: np.array(v, np.uint16)[:, None] for k, v in columns.items()},
    )
    return path


def write_class_map(path: Path) -> np.ndarray:
    """Write ``classMapping40.mat`` and return the map of 894 classes."""
    classes = (np.arange(894) % 40 + 1).astype(np.uint8)
    savemat(path, {'mapClass': classes[None]})
    return classes
