"""Results of single-task models, which ``delta_m`` is relative to."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmmtl.evaluation.primary_metrics import primary_key
from mmmtl.io.plain_files import read_json
from mmmtl.tasks import get_task


def read_single_task(
    path: str | Path, primary: Mapping[str, str] | None = None
) -> dict[str, float]:
    """Read the results of single-task models from a file.

    Args:
        path: JSON: an object of numbers by task, or one that holds such an
            object as ``single_task``, and may say as ``primary`` which
            metric of each task the numbers are.
        primary: Tasks that are compared by another metric, see
            :class:`~mmmtl.evaluation.MultiTaskEvaluator`.

    Returns:
        Primary metric by task.

    Raises:
        ValueError: If the file is missing or holds something else, or
            figures of another metric.
    """
    try:
        content: Any = read_json(path)
        # Bare numbers are of the metrics that the model is compared by. A
        # file of the tool that does not say is older than `primary`.
        stated: Any = None
        if 'single_task' in content:
            stated = content.get('primary') or {}
        values = content.get('single_task', content)
        single_task = {task: float(value) for task, value in values.items()}
    # Not there, no text, no JSON, or of another form.
    except (OSError, ValueError, AttributeError, TypeError) as error:
        raise ValueError(
            f'single_task={str(path)!r} holds no numbers by task ({error}): '
            'write it with tools/analysis_tools/single_task.py'
        ) from error
    check_single_task(single_task)
    for task in single_task:
        key = primary_key(task, primary)
        found = key
        if stated is not None:
            usual = primary_key(task).partition('/')[2]
            found = f'{task}/{stated.get(task, usual)}'
        if found != key:
            raise ValueError(
                f'single_task={str(path)!r} holds {found}, the model is '
                f'compared by {key}: change primary of the evaluator, or '
                'make the file with a config that has the same'
            )
    return single_task


def check_single_task(
    single_task: Mapping[str, float] | None,
) -> dict[str, float] | None:
    """Check the results of single-task models.

    Args:
        single_task: Primary metric by task, None if there are none.

    Returns:
        The same.

    Raises:
        ValueError: If a task is unknown or a value not positive.
    """
    if single_task is None:
        return None
    for task, value in single_task.items():
        get_task(task)
        if not (math.isfinite(value) and value > 0):
            raise ValueError(
                f'single_task[{task!r}]={value}: gains are relative to it, '
                'give a number > 0'
            )
    return dict(single_task)
