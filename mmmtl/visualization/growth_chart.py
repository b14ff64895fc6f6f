"""Lines over a number of things, one panel per quantity."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


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
    # Slow to import, and not needed by training.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(3.2 * len(panels), 3.2))
    FigureCanvasAgg(figure)
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
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=120)
