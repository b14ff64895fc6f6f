"""A precision-recall curve over lines of equal F."""

from __future__ import annotations

from pathlib import Path

import numpy as np

# Value of the lines of equal F.
_LEVELS = np.arange(1, 10) / 10


def save_precision_recall(
    recall: np.ndarray,
    precision: np.ndarray,
    best: tuple[float, float],
    title: str,
    path: str | Path,
) -> None:
    """Draw the curve.

    Args:
        recall: ``(K,)`` in 0..1, by threshold.
        precision: ``(K,)`` in 0..1.
        best: Recall and precision where F is highest.
        title: What stands above.
        path: Where the picture goes; its folder is made if needed.
    """
    # Slow to import, and not needed by training.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5, 5))
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axis = np.linspace(0.001, 1, 200)
    x, y = np.meshgrid(axis, axis)
    lines = axes.contour(
        x, y, 2 * x * y / (x + y), levels=_LEVELS, colors='0.8', linewidths=0.8
    )
    axes.clabel(lines, fontsize=7)
    axes.plot(recall, precision, color='C0')
    axes.plot(*best, 'o', color='C3')
    axes.set(
        xlabel='recall',
        ylabel='precision',
        xlim=(0, 1),
        ylim=(0, 1),
        aspect='equal',
    )
    axes.set_title(title, fontsize=9)
    figure.tight_layout()
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=120)
