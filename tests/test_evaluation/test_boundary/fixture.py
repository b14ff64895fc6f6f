"""Reference counts of three small maps (tests/data/boundary).

Per image: ``<image>_pred.png`` (soft), ``<image>_gt.png`` (thin), and in
``counts.npz`` per variant ``(6, 99)`` int32: matched labels, labels, matched
predictions, predictions, and the smallest and largest number of matches over
repeated runs of the reference's randomised solver.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

FOLDER = Path(__file__).resolve().parents[2] / 'data' / 'boundary'
IMAGES = ('syn1', 'syn2', 'syn3')
THRESHOLDS = np.arange(1, 100) / 100


def read_image(name: str) -> tuple[np.ndarray, np.ndarray]:
    """Return strength (H, W) in 0..1 and label (H, W) bool."""
    pred, gt = (
        np.asarray(Image.open(FOLDER / f'{name}_{side}.png'))
        for side in ('pred', 'gt')
    )
    return pred / 255, gt > 0


def reference(name: str) -> np.ndarray:
    """Return an array of the reference."""
    with np.load(FOLDER / 'counts.npz') as arrays:
        return arrays[name]


def reference_map(name: str, size: tuple[int, int]) -> np.ndarray:
    """Return a packed map of the reference, (H, W) bool."""
    bits = np.unpackbits(reference(name))[: size[0] * size[1]]
    return bits.reshape(size).astype(bool)
