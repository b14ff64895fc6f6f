"""Which metric measures a task, and which figure stands for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mmmtl.errors import did_you_mean
from mmmtl.evaluation.metrics.base_task_metric import BaseTaskMetric
from mmmtl.registry import METRICS, class_of, takes_argument
from mmmtl.tasks import TASKS, Primary, Task, get_task


def default_metric(task: str) -> dict[str, Any]:
    """Return the config of the metric that a recipe without one gets.

    Args:
        task: Task name.
    """
    metric = dict(get_task(task).metric)
    if takes_argument(METRICS, metric, 'task'):
        metric['task'] = task
    return metric


def metric_of(task: str, name: str) -> type[BaseTaskMetric]:
    """Return the metric that reports a figure of a task.

    Args:
        task: Task name.
        name: Name of the figure, without the task.

    Returns:
        A class that measures the task's kind: the task's own metric if it
        reports this, else one that is registered.

    Raises:
        ValueError: If no metric of this kind reports it.
    """
    row = get_task(task)
    found = [
        metric
        for metric in METRICS.module_dict.values()
        if issubclass(metric, BaseTaskMetric)
        and isinstance(row.kind, metric.kind)
    ]
    for metric in sorted(
        found, key=lambda m: m.__name__ != row.metric['type']
    ):
        if name in (*metric.reports, *metric.may_report):
            return metric
    names = {name for m in found for name in (*m.reports, *m.may_report)}
    raise ValueError(
        f'no metric of task {task!r} reports {name!r}: '
        f'{did_you_mean(name, sorted(names))}'
    )


def primary_metric(
    task: str, changes: Mapping[str, str] | None = None
) -> Primary:
    """Return the figure by which models are compared on a task.

    Args:
        task: Task name.
        changes: Name of a metric by task, as ``primary`` of the evaluator,
            where a recipe compares by another one than the task's row says.

    Raises:
        ValueError: If no metric reports the figure.
    """
    row = get_task(task)
    name = (changes or {}).get(task, _figure_of(row))
    if name == row.kind.primary.name:
        return row.kind.primary
    return Primary(name, name in metric_of(task, name).errors)


def _figure_of(row: Task) -> str:
    """Return the figure of a row, which may have another metric than its kind.

    If that metric lacks the figure of the kind, and the row names none, it is
    the first that it reports. The task would be no part of ``delta_m`` else.
    """
    if 'metric' in row.settings and 'primary' not in row.settings:
        metric = class_of(METRICS, row.metric)
        if metric is not None and issubclass(metric, BaseTaskMetric):
            names = (*getattr(metric, 'reports', ()), *metric.may_report)
            if not names:
                raise ValueError(
                    f'metric {metric.__name__} of task {row.name!r} lists no '
                    "figures: give it reports = ('name', ...)"
                )
            return row.primary if row.primary in names else names[0]
    return row.primary


def primary_metrics(
    changes: Mapping[str, str] | None = None,
) -> dict[str, Primary]:
    """Return the primary metric of every task.

    Args:
        changes: See :func:`primary_metric`.

    Raises:
        ValueError: If ``changes`` names an unknown task, or a figure that
            no metric reports.
    """
    for task in changes or {}:
        get_task(task)
    return {task: primary_metric(task, changes) for task in TASKS}


def primary_key(task: str, changes: Mapping[str, str] | None = None) -> str:
    """Return the full name of a task's primary metric, ``<task>/<metric>``.

    Args:
        task: Task name.
        changes: See :func:`primary_metric`.

    Returns:
        For instance ``'semseg/mIoU'``.
    """
    return f'{task}/{primary_metric(task, changes).name}'
