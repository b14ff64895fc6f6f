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


def draw_two_points() -> tuple[np.ndarray, np.ndarray]:
    """Return regions, uint8, and a prediction, float32, both (40, 60).

    (R, P) is (0.8, 0.2) at a threshold of 1 / 3 and (0.4, 1) at 2 / 3, for
    tolerances below a pixel. Their F are 0.32 and 4 / 7; between the two it
    would rise to 0.6177.
    """
    regions = np.zeros((40, 60), np.uint8)
    regions[20:] = 1  # the outline is row 19: 60 pixels
    prediction = np.zeros((40, 60), np.float32)
    prediction[24::2, ::2].flat[:192] = 0.4
    prediction[19, :48] = 0.4
    prediction[19, :24] = 0.9
    return regions, prediction


def reference(name: str) -> np.ndarray:
    """Return an array of the reference."""
    with np.load(FOLDER / 'counts.npz') as arrays:
        return arrays[name]


def reference_map(name: str, size: tuple[int, int]) -> np.ndarray:
    """Return a packed map of the reference, (H, W) bool."""
    bits = np.unpackbits(reference(name))[: size[0] * size[1]]
    return bits.reshape(size).astype(bool)
