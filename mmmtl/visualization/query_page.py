"""One row per task: where all its queries look, then the sharpest of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from mmmtl.visualization.attention_heat import paint_attention
from mmmtl.visualization.picture_grid import Cell

Resize = Callable[[np.ndarray], np.ndarray]


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
