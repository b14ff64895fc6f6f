"""Results of several models side by side, as a paper's table shows them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mmmtl.evaluation.functional.delta_m import delta_m
from mmmtl.evaluation.primary_metrics import (
    primary_key,
    primary_metric,
    primary_metrics,
)
from mmmtl.tasks import TASKS

# Shown where a task's primary metric was not measured: boundaries are matched
# in testing only.
_STAND_INS = {'odsF': 'pixelF'}
# Metres and shares of 1 have two more digits than percent and degrees.
_FINE = ('rmse', 'mae', 'abs_err', 'abs_rel')


@dataclass(frozen=True)
class Column:
    """One metric of a table.

    Attributes:
        key: Full name of the metric.
        lower_is_better: Whether it is an error.
    """

    key: str
    lower_is_better: bool

    @property
    def title(self) -> str:
        """Name with an arrow in the direction of better."""
        return f'{self.key} {"↓" if self.lower_is_better else "↑"}'

    def text(self, value: float | None) -> str:
        """Write a value with as many digits as papers do."""
        if value is None:
            return '-'
        fine = self.key.rpartition('/')[2] in _FINE
        return f'{value:.{4 if fine else 2}f}'


DELTA_M = Column('delta_m', lower_is_better=False)


def choose_columns(
    results: Sequence[Mapping[str, float]],
    primary: Sequence[Mapping[str, str]] = (),
) -> list[Column]:
    """Choose the metrics that at least one result has.

    Args:
        results: Values by name.
        primary: Of each result the tasks that it is compared by another
            metric in; none if empty.

    Returns:
        The primary metric of each task, in the order of the task table, a
        stand-in where it was not measured, and ``delta_m`` last. Where the
        results have different primary metrics, all of them.
    """
    present = {key for metrics in results for key in metrics}
    columns = []
    for task in TASKS:
        figures = [primary_metric(task, row) for row in primary or [{}]]
        for figure in dict.fromkeys(figures):
            key = f'{task}/{figure.name}'
            if key not in present and figure.name in _STAND_INS:
                key = f'{task}/{_STAND_INS[figure.name]}'
            if key in present:
                columns.append(Column(key, figure.lower_is_better))
    return columns + [DELTA_M] * (DELTA_M.key in present)


def add_delta_m(
    metrics: Mapping[str, float],
    single_task: Mapping[str, float],
    primary: Mapping[str, str] | None = None,
) -> dict[str, float]:
    """Add ``delta_m`` to the results of a model.

    Args:
        metrics: Values by name.
        single_task: Primary metric of the single-task models by task.
        primary: Tasks that the model is compared by another metric in.

    Returns:
        A new dictionary.

    Raises:
        ValueError: If the tasks on both sides differ.
    """
    figures = primary_metrics(primary)
    own = {
        task: metrics[primary_key(task, primary)]
        for task in figures
        if metrics.get(primary_key(task, primary)) is not None
    }
    lower = [task for task, row in figures.items() if row.lower_is_better]
    return {**metrics, DELTA_M.key: delta_m(own, single_task, lower)}


def markdown_table(
    results: Mapping[str, Mapping[str, float | None]],
    columns: Sequence[Column],
) -> str:
    """Write a Markdown table, the best value of each column in bold.

    Args:
        results: Per model the values by name.
        columns: What to show.

    Returns:
        The lines of the table.
    """
    lines = [
        ['model', *(column.title for column in columns)],
        ['---', *('---:' for _ in columns)],
    ]
    for name, metrics in results.items():
        cells = []
        for column in columns:
            text = column.text(metrics.get(column.key))
            best = best_value(list(results.values()), column)
            same = best is not None and text == column.text(best)
            cells.append(f'**{text}**' if same and len(results) > 1 else text)
        lines.append([name.replace('|', r'\|'), *cells])
    return '\n'.join(f'| {" | ".join(line)} |' for line in lines)


def best_value(
    results: Sequence[Mapping[str, float | None]], column: Column
) -> float | None:
    """Return the best value of a column, None if nobody has one."""
    values = [
        value
        for metrics in results
        if (value := metrics.get(column.key)) is not None
    ]
    if not values:
        return None
    return min(values) if column.lower_is_better else max(values)
