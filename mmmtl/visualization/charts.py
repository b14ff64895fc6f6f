"""Charts: bars per metric, growth with a number, precision over recall."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mmmtl.io.folders import new_file

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Value of the lines of equal F.
_LEVELS = np.arange(1, 10) / 10


@dataclass(frozen=True)
class Bars:
    """One panel of bars.

    Attributes:
        title: What stands above.
        values: One per model; None has no bar.
        labels: What stands at the bars.
    """

    title: str
    values: Sequence[float | None]
    labels: Sequence[str]


def save_bar_chart(
    names: Sequence[str], panels: Sequence[Bars], path: str | Path
) -> None:
    """Draw a bar per model in a panel per metric.

    Args:
        names: The models, for the legend.
        panels: The metrics.
        path: Where the picture goes; its folder is made if needed.
    """
    width = max(2.4, 0.5 * len(names) + 1.2)
    legend = 0.3 + 0.22 * len(names)  # inches, as the other sizes
    height = 3.0 + legend
    figure = _figure(width * len(panels), height)
    colours = [f'C{index % 10}' for index in range(len(names))]
    for index, panel in enumerate(panels):
        axes = figure.add_subplot(1, len(panels), index + 1)
        heights = [value or 0.0 for value in panel.values]
        bars = axes.bar(range(len(heights)), heights, color=colours)
        axes.bar_label(bars, panel.labels, fontsize=8)
        axes.set_title(panel.title, fontsize=9)
        axes.set_xticks([])
        axes.margins(y=0.15)
        axes.axhline(0, color='black', linewidth=0.5)
        if not index:
            figure.legend(bars, names, loc='lower center', fontsize=8)
    figure.tight_layout(rect=(0, legend / height, 1, 1))
    _save(figure, path)


@dataclass(frozen=True)
class Line:
    """One line of a panel.

    Attributes:
        name: What the legend says.
        points: ``(number, value)`` in increasing order of the number.
    """

    name: str
    points: Sequence[tuple[int, float]]


def save_growth_chart(
    panels: Mapping[str, Sequence[Line]],
    path: str | Path,
    *,
    axis: str = 'tasks',
) -> None:
    """Draw a panel per quantity, each from zero.

    Args:
        panels: Lines by the title of their panel.
        path: Where the picture goes; its folder is made if needed.
        axis: What is counted.
    """
    figure = _figure(3.2 * len(panels), 3.2)
    for index, (title, lines) in enumerate(panels.items()):
        axes = figure.add_subplot(1, len(panels), index + 1)
        numbers = sorted({x for line in lines for x, _ in line.points})
        for line in lines:
            x, y = zip(*line.points, strict=True)
            axes.plot(x, y, marker='o', label=line.name)
        axes.set_title(title, fontsize=9)
        axes.set_xlabel(axis)
        axes.set_xticks(numbers)
        axes.set_ylim(bottom=0)
        axes.grid(color='0.9')
        if not index:
            axes.legend(fontsize=8)
    figure.tight_layout()
    _save(figure, path)


def save_precision_recall(
    recall: np.ndarray,
    precision: np.ndarray,
    best: tuple[float, float],
    title: str,
    path: str | Path,
) -> None:
    """Draw a precision-recall curve over the lines of equal F.

    Args:
        recall: ``(K,)`` in 0..1, by threshold.
        precision: ``(K,)`` in 0..1.
        best: Recall and precision where F is highest.
        title: What stands above.
        path: Where the picture goes; its folder is made if needed.
    """
    figure = _figure(5, 5)
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
    _save(figure, path)


def _figure(width: float, height: float) -> Figure:
    """Return an empty figure of so many inches."""
    # Slow to import, and not needed by training.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height))
    FigureCanvasAgg(figure)
    return figure


def _save(figure: Figure, path: str | Path) -> None:
    with new_file(path) as partial:
        figure.savefig(partial, dpi=120)
