"""Which metric stands for a task where one number has to."""

from __future__ import annotations

from dataclasses import dataclass

from mmmtl.structures import get_task_spec


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


def primary_key(task: str) -> str:
    """Return the full name of a task's primary metric, ``<task>/<metric>``.

    Args:
        task: Task name.

    Returns:
        For instance ``'semseg/mIoU'``.

    Raises:
        ValueError: If the task is unknown.
    """
    return f'{get_task_spec(task).name}/{PRIMARY_METRICS[task].name}'
