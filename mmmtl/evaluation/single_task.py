"""Results of single-task models, which ``delta_m`` is relative to."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmmtl.evaluation.primary_metrics import primary_key
from mmmtl.tasks import get_task_spec


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
    path = Path(path)
    if not path.is_file():
        raise ValueError(
            f'single_task={str(path)!r}: no such file; write it with '
            'tools/analysis_tools/single_task.py'
        )
    try:
        content: Any = json.loads(path.read_text(encoding='utf-8'))
    except ValueError as error:
        raise ValueError(
            f'single_task={str(path)!r} is no JSON: {error}'
        ) from error
    stated: Any = {}
    if isinstance(content, dict) and 'single_task' in content:
        stated = content.get('primary') or {}
        content = content['single_task']
    if not isinstance(content, dict) or not all(
        isinstance(value, (int, float)) for value in content.values()
    ):
        raise ValueError(
            f'single_task={str(path)!r} holds no numbers by task: write it '
            'with tools/analysis_tools/single_task.py'
        )
    single_task = check_single_task(content) or {}
    for task in single_task:
        key = primary_key(task, primary)
        found = f'{task}/{stated.get(task, key.partition("/")[2])}'
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
        get_task_spec(task)
        if not (math.isfinite(value) and value > 0):
            raise ValueError(
                f'single_task[{task!r}]={value}: gains are relative to it, '
                'give a number > 0'
            )
    return dict(single_task)
