"""Results of several models as bars, one panel per metric."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from mmmtl.evaluation.comparison import Column


def save_bar_chart(
    results: Mapping[str, Mapping[str, float | None]],
    columns: Sequence[Column],
    path: str | Path,
) -> None:
    """Draw a bar per model in a panel per metric.

    Args:
        results: Per model the values by name; a missing one has no bar.
        columns: The panels.
        path: Where the picture goes; its folder is made if needed.
    """
    # Slow to import, and not needed by training.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    width = max(2.4, 0.5 * len(results) + 1.2)
    legend = 0.3 + 0.22 * len(results)  # inches, as the other sizes
    height = 3.0 + legend
    figure = Figure(figsize=(width * len(columns), height))
    FigureCanvasAgg(figure)
    colours = [f'C{index % 10}' for index in range(len(results))]
    for index, column in enumerate(columns):
        axes = figure.add_subplot(1, len(columns), index + 1)
        values = [m.get(column.key) for m in results.values()]
        bars = axes.bar(
            range(len(values)), [v or 0.0 for v in values], color=colours
        )
        axes.bar_label(bars, [column.text(v) for v in values], fontsize=8)
        axes.set_title(column.title, fontsize=9)
        axes.set_xticks([])
        axes.margins(y=0.15)
        axes.axhline(0, color='black', linewidth=0.5)
        if not index:
            figure.legend(bars, list(results), loc='lower center', fontsize=8)
    figure.tight_layout(rect=(0, legend / height, 1, 1))
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=120)
