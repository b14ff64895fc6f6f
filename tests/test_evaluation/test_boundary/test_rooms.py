"""What thinned labels and the papers' protocol change, on rendered rooms.

These are the figures of docs/boundaries.md.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter, map_coordinates

from mmmtl.evaluation.functional.boundary import (
    best_counts,
    boundary_scores,
    image_counts,
    protocol_thresholds,
    to_grey,
)
from mmmtl.geometry import instance_boundaries, outline, thin
from mmmtl.rooms.render import render_room

pytestmark = pytest.mark.slow

# odsF and recall in percent: as stored, thinned, by the papers' protocol.
FIGURES = {
    ('large', 'near perfect'): [(92.0, 85.3), (99.6, 99.6), (99.5, 99.3)],
    ('large', 'noisy'): [(86.0, 80.3), (92.8, 91.2), (92.6, 90.9)],
    ('small', 'near perfect'): [(87.6, 78.2), (95.1, 90.9), (94.9, 91.8)],
    ('small', 'noisy'): [(82.3, 72.4), (89.1, 83.5), (84.0, 79.6)],
}


@cache
def draw_labels(which: str) -> list[np.ndarray]:
    """Render rooms and take their boundaries, (H, W) bool.

    ``large``: 8 rooms of 425x560, the objects outlined as the tool that
    builds NYUDv2 from the official files does it. ``small``: 48 of 96x128,
    with the labels that the renderer writes.
    """
    if which == 'small':
        return [render_room(i, 96, 128).edge > 0 for i in range(48)]
    rooms = [render_room(i, 425, 560) for i in range(8)]
    return [
        instance_boundaries(room.semseg + 1, room.instance) > 0
        for room in rooms
    ]


def predict(label: np.ndarray, seed: int, which: str) -> np.ndarray:
    """Draw a prediction, (H, W) in 0..1, from the thinned label.

    A near perfect one is its lines, softened. A noisy one is displaced by
    0.4 % of the diagonal (standard deviation), of varying confidence, and has
    false lines.
    """
    if which == 'near perfect':
        return _soften(thin(label))
    rng = np.random.default_rng(seed)
    diagonal = np.hypot(*label.shape)

    def draw_smooth(share: float) -> np.ndarray:
        noise = rng.normal(size=label.shape)
        smooth = gaussian_filter(noise, share * diagonal)
        return smooth / smooth.std()

    shift = np.stack([draw_smooth(0.02), draw_smooth(0.02)])
    places = np.indices(label.shape) + 0.004 * diagonal * shift
    true = map_coordinates(_soften(thin(label)), places, order=1)
    false = _soften(thin(abs(draw_smooth(0.02)) < 0.05))
    sure = 1 / (1 + np.exp(-1 - draw_smooth(0.04)))
    doubt = 0.5 / (1 + np.exp(1 - draw_smooth(0.04)))
    noise = 0.05 * rng.random(label.shape)
    return np.maximum(true * sure, false * doubt) * 0.95 + noise


def _soften(line: np.ndarray) -> np.ndarray:
    soft = gaussian_filter(line.astype(float), 1)
    return soft / soft.max()


def measure(
    labels: list[np.ndarray],
    predictions: list[np.ndarray],
    *,
    seism: bool = False,
    thin_labels: bool = True,
) -> tuple[float, float]:
    """Return odsF and the recall there, in percent."""
    thresholds = protocol_thresholds('seism' if seism else 'berkeley')
    counts = [
        image_counts(
            to_grey(prediction) / 255,
            [outline(label) if seism else label],
            thresholds=thresholds,
            max_dist=0.011,
            nms=True,
            thin_labels=thin_labels,
        )
        for label, prediction in zip(labels, predictions, strict=True)
    ]
    scores = boundary_scores(
        sum(counts),
        sum(map(best_counts, counts)),
        thresholds,
        interpolate=not seism,
    )
    return 100 * scores.ods_f, 100 * scores.ods_recall


@pytest.mark.parametrize(('size', 'predictor'), FIGURES)
def test_figures_on_rendered_rooms(size: str, predictor: str) -> None:
    labels = draw_labels(size)
    pairs = (
        labels,
        [predict(label, i, predictor) for i, label in enumerate(labels)],
    )
    found = [
        measure(*pairs, thin_labels=False),
        measure(*pairs),
        measure(*pairs, seism=True),
    ]
    np.testing.assert_allclose(found, FIGURES[size, predictor], atol=0.1)
