"""Writes a small folder in Cityscapes' layout with known labels."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from PIL import Image

FILES = {
    'image': 'leftImg8bit/{}_leftImg8bit.png',
    'semseg': 'gtFine/{}_gtFine_labelIds.png',
    'depth': 'disparity/{}_disparity.png',
    'camera': 'camera/{}_camera.json',
}
SIZE = (8, 34)
TRAIN = (
    'train/aachen/aachen_000000_000019',
    'train/ulm/ulm_000001_000019',
)
VAL = ('val/lindau/lindau_000000_000019',)
#: Metres and pixels of the camera of every image.
BASELINE, FOCAL = 0.21, 2260.0


def stored_arrays(size: tuple[int, int] = SIZE) -> dict[str, np.ndarray]:
    """Return what is stored for an image, by task, and the image (RGB)."""
    rows, columns = np.mgrid[: size[0], : size[1]]
    return {
        'image': np.stack([rows, columns, rows + 200], -1).astype(np.uint8),
        'semseg': ((rows + columns) % 34).astype(np.uint8),
        # 0 unknown, 1 infinite, then up to 32767 steps of 1/256 pixel.
        'depth': (columns + 4000 * rows).astype(np.uint16),
    }


def camera_text(baseline: float = BASELINE, focal: float = FOCAL) -> str:
    """Return the content of a camera file."""
    extrinsic = dict(baseline=baseline, pitch=0.03, x=1.7)
    return json.dumps(
        dict(extrinsic=extrinsic, intrinsic=dict(fx=focal, fy=2265.0))
    )


def write_file(root: Path, name: str, sample_id: str, array: object) -> Path:
    """Write one file of an image; a camera is given as text."""
    path = root / FILES[name].format(sample_id)
    path.parent.mkdir(parents=True, exist_ok=True)
    if name == 'camera':
        path.write_text(str(array))
    else:
        Image.fromarray(array).save(path)
    return path


def write_cityscapes(root: Path, size: tuple[int, int] = SIZE) -> Path:
    """Write a whole folder, two training images and one for validation."""
    for sample_id in (*TRAIN, *VAL):
        for name, array in stored_arrays(size).items():
            write_file(root, name, sample_id, array)
        write_file(root, 'camera', sample_id, camera_text())
    return root
