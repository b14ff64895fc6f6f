"""One row per task: where all its queries look, then the sharpest of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import cv2
import numpy as np

from mmmtl.visualization.picture_grid import Cell

Resize = Callable[[np.ndarray], np.ndarray]
# Of the grey picture; more would be taken for attention.
_GREY_SHARE = 0.35


def cells_of_queries(
    image: np.ndarray,
    attention: Mapping[str, np.ndarray],
    *,
    num_queries: int,
    resize: Resize,
) -> list[list[Cell | None]]:
    """Paint where the queries of every task look.

    The first column has the picture. A task's row has the mean of all its
    queries, then the queries whose attention is least spread, in the order
    of their spread, which the title gives. Every panel has its own scale.

    Args:
        image: ``(H, W, 3)`` uint8 RGB.
        attention: ``{task: (Q, h, w)}``; a query's weights sum to 1.
        num_queries: How many single queries to show; fewer if a task has
            fewer.
        resize: Brings ``(n, h, w)`` maps to ``(n, H, W)``.

    Returns:
        Rows of cells for :func:`mmmtl.visualization.draw_grid`.
    """
    rows: list[list[Cell | None]] = []
    for task, weights in attention.items():
        spread = spread_of(weights)
        chosen = np.argsort(spread, kind='stable')[:num_queries]
        shown = resize(
            np.concatenate([weights.mean(0)[None], weights[chosen]])
        )
        titles = [f'{task}: all {len(weights)} queries']
        titles += [f'query {i}: {spread[i]:.1%} of image' for i in chosen]
        first = None if rows else Cell('image', image, smooth=True)
        rows.append(
            [
                first,
                *(
                    Cell(title, paint_attention(image, one), smooth=True)
                    for title, one in zip(titles, shown, strict=True)
                ),
            ]
        )
    return rows


def spread_of(weights: np.ndarray) -> np.ndarray:
    """Return how much of the image attention is spread over.

    Args:
        weights: ``(Q, h, w)``, each map's sum to 1.

    Returns:
        ``(Q,)``: the exponential of the entropy, which is the number of
        pixels that equal weights would lie on, as a share of all pixels.
        1 for weights that are equal everywhere, ``1 / (h * w)`` for one
        pixel that has them all.
    """
    flat = weights.reshape(len(weights), -1).astype(np.float64)
    # 0 log 0 is 0.
    logs = np.log(flat, where=flat > 0, out=np.zeros_like(flat))
    return np.exp(-(flat * logs).sum(1)) / flat.shape[1]


def paint_attention(
    image: np.ndarray, weights: np.ndarray, highest: float | None = None
) -> np.ndarray:
    """Lay attention over a picture that has lost its colours.

    Convention:
        No attention leaves the grey picture, darkened; more of it is violet,
        then red, then yellow. Half the highest weight is half the way. The
        grey picture has the same share everywhere, so attention that is
        equal everywhere does not hide it.

    Args:
        image: ``(H, W, 3)`` uint8 RGB.
        weights: ``(H, W)``, none below 0.
        highest: The weight that is painted brightest; the largest of the map
            if None. Give the same one to maps that are to be compared.

    Returns:
        ``(H, W, 3)`` uint8 RGB.
    """
    highest = float(weights.max()) if highest is None else highest
    share = np.clip(weights / max(highest, 1e-30), 0, 1)
    steps = np.floor(share * 255 + 0.5).astype(np.uint8)
    heat = cv2.applyColorMap(steps, cv2.COLORMAP_INFERNO)[..., ::-1]
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float64)
    shown = _GREY_SHARE * grey[..., None] + (1 - _GREY_SHARE) * heat
    return np.floor(shown + 0.5).astype(np.uint8)
