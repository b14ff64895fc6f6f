"""Which metric stands for a task where one number has to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from mmmtl.tasks import get_task_spec


@dataclass(frozen=True)
class PrimaryMetric:
    """The metric a task is compared by.

    Attributes:
        name: Name of the metric, without the task.
        lower_is_better: Whether it is an error.
    """

    name: str
    lower_is_better: bool


_MIOU = PrimaryMetric('mIoU', lower_is_better=False)
_MAE = PrimaryMetric('mae', lower_is_better=True)

#: The metric by which the literature compares models on a task.
PRIMARY_METRICS: dict[str, PrimaryMetric] = {
    'semseg': _MIOU,
    'depth': PrimaryMetric('rmse', lower_is_better=True),
    'normals': PrimaryMetric('mean_err', lower_is_better=True),
    'edge': PrimaryMetric('odsF', lower_is_better=False),
    'saliency': PrimaryMetric('maxF', lower_is_better=False),
    'human_parts': _MIOU,
    'reshading': _MAE,
    'keypoints2d': _MAE,
    'edges2d': _MAE,
}

#: Whether less of a metric is better, by its name, the same in every task.
LOWER_IS_BETTER: dict[str, bool] = {
    **dict.fromkeys(('mIoU', 'mAcc', 'aAcc'), False),
    **dict.fromkeys(('maxF', 'pixelF', 'odsF', 'oisF', 'AP'), False),
    **dict.fromkeys(('delta1', 'delta2', 'delta3'), False),
    **dict.fromkeys(('within_11.25', 'within_22.5', 'within_30'), False),
    **dict.fromkeys(('mae', 'rmse', 'abs_err', 'abs_rel', 'sq_rel'), True),
    **dict.fromkeys(('log10', 'rmse_log'), True),
    **dict.fromkeys(('inv_abs_err', 'inv_abs_rel'), True),
    **dict.fromkeys(('mean_err', 'median'), True),
}


def primary_metrics(
    changes: Mapping[str, str] | None = None,
) -> dict[str, PrimaryMetric]:
    """Return the table, with the metrics that a recipe compares by instead.

    Args:
        changes: Name of a metric by task, as ``primary`` of the evaluator.

    Returns:
        Primary metric by task, of all tasks.

    Raises:
        KeyError: If it is not known of a metric whether more of it is
            better.
    """
    table = dict(PRIMARY_METRICS)
    for task, name in (changes or {}).items():
        get_task_spec(task)
        table[task] = PrimaryMetric(name, LOWER_IS_BETTER[name])
    return table


def primary_key(task: str, changes: Mapping[str, str] | None = None) -> str:
    """Return the full name of a task's primary metric, ``<task>/<metric>``.

    Args:
        task: Task name.
        changes: See :func:`primary_metrics`.

    Returns:
        For instance ``'semseg/mIoU'``.
    """
    return f'{task}/{primary_metrics(changes)[task].name}'
