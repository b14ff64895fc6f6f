"""The results of an evaluation, with what they were made from.

A results file is JSON with ``metrics`` (value by name, ``null`` where it is
not finite), ``per_class`` (per task the score of each class, where there are
classes), ``single_task`` (what ``delta_m`` is relative to, or ``null``),
``primary`` (tasks compared by another metric than elsewhere), ``new_tasks``
(rows of the tasks that are not built in),
``config`` (file and full text), ``checkpoint`` (path or URL, and the SHA-256
of the weights as they were read) and ``versions``.
"""

from __future__ import annotations

import platform
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.dist import is_main_process
from mmengine.runner import Runner

from mmmtl.engine.weights import hash_of
from mmmtl.errors import UserError
from mmmtl.evaluation.primary_metrics import primary_key, primary_metrics
from mmmtl.io.json_file import write_json
from mmmtl.io.plain_files import read_json
from mmmtl.tasks import KINDS, TASKS, new_rows, register_tasks
from mmmtl.version import __version__

_CLASS_MARK = '/IoU.'
# Two distributions provide the same import names.
_PACKAGES = (
    'torch',
    'numpy',
    'mmengine',
    'onedl-mmengine',
    'mmcv',
    'onedl-mmcv',
    'mmcv-lite',
    'mmsegmentation',
    'onedl-mmsegmentation',
)


def write_results(
    out: str | Path,
    metrics: Mapping[str, float],
    runner: Runner,
    config_file: str | Path,
) -> None:
    """Write the results of an evaluation, from the main process only.

    Args:
        out: The file.
        metrics: What the evaluator returned.
        runner: The runner that has tested.
        config_file: Where its config came from.
    """
    if not is_main_process():
        return
    evaluator = runner.test_loop.evaluator
    results = make_results(
        metrics,
        config=runner.cfg,
        config_file=config_file,
        checkpoint=runner.cfg.load_from,
        single_task=getattr(evaluator, 'single_task', None),
        primary=getattr(evaluator, 'primary', None),
    )
    write_json(out, results)


def make_results(
    metrics: Mapping[str, float],
    *,
    config: Config,
    config_file: str | Path,
    checkpoint: str | Path,
    single_task: Mapping[str, float] | None = None,
    primary: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Put an evaluation together.

    Args:
        metrics: What the evaluator returned.
        config: The config, options merged.
        config_file: Where it came from.
        checkpoint: Path or URL of the weights.
        single_task: What ``delta_m`` is relative to.
        primary: The evaluator's.

    Returns:
        The content of a results file.
    """
    whole = {k: v for k, v in metrics.items() if _CLASS_MARK not in k}
    per_class: dict[str, dict[str, float]] = {}
    for name, value in metrics.items():
        task, mark, label = name.partition(_CLASS_MARK)
        if mark:
            per_class.setdefault(task, {})[label] = value
    return {
        'metrics': whole,
        'per_class': per_class,
        'single_task': None if single_task is None else dict(single_task),
        'primary': dict(primary or {}),
        'new_tasks': new_rows(
            sorted({key.partition('/')[0] for key in metrics} & TASKS.keys())
        ),
        'config': {'file': str(config_file), 'text': config.pretty_text},
        'checkpoint': {
            'path': str(checkpoint),
            'sha256': hash_of(str(checkpoint)),
        },
        'versions': describe_versions(),
    }


def describe_versions() -> dict[str, str]:
    """Return the versions of Python, of mmmtl and of what it stands on."""
    versions = {'python': platform.python_version(), 'mmmtl': __version__}
    for name in _PACKAGES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return versions


def read_results(path: str | Path) -> dict[str, Any]:
    """Read a results file.

    Args:
        path: A file that ``tools/test.py --out`` has written.

    Raises:
        UserError: If it is missing, no JSON, or no results file.
    """
    path = Path(path)
    if not path.is_file():
        raise UserError(f'results {path}: no such file')
    try:
        content = read_json(path)
    except ValueError as error:
        raise UserError(f'results {path} are no JSON: {error}') from error
    problem = _problem(content)
    if problem is not None:
        raise UserError(
            f'results {path}: {problem}: give a file written by tools/test.py '
            '--out'
        )
    return content


def _problem(content: Any) -> str | None:
    """Say what tells a JSON file from a results file, None if nothing."""
    if not isinstance(content, dict) or 'metrics' not in content:
        return 'they have no "metrics"'
    for name in ('metrics', 'single_task'):
        values = content.get(name) or {}
        if not isinstance(values, dict):
            return f'"{name}" is no object of numbers'
        for key, value in values.items():
            # JSON's true is an int to Python.
            if value is not None and type(value) not in (int, float):
                return (
                    f'{name}[{key!r}] is {value!r}: only numbers and null '
                    'can stand there'
                )
    try:
        # A kind from a module that is not here has no column in tables.
        register_tasks(
            {
                task: row
                for task, row in content.get('new_tasks', {}).items()
                if row['kind'] in KINDS
            }
        )
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        return f'"new_tasks" holds no rows of tasks ({error})'
    try:
        primary_metrics(content.get('primary'))
    except (AttributeError, TypeError, ValueError) as error:
        return f'"primary" is no object of metrics by task ({error})'
    config = content.get('config', {})
    if not isinstance(config, dict) or not isinstance(
        config.get('file', ''), str
    ):
        return '"config" is no object with the name of a file'
    return None


def check_only_task(
    results: Mapping[str, Any], task: str, path: str | Path
) -> None:
    """Refuse the results of a model with other tasks.

    Args:
        results: A results file's content.
        task: The only task it may have.
        path: The file, for error texts.

    Raises:
        UserError: If a metric is one of another task.
    """
    tasks = {key.partition('/')[0] for key in results['metrics']}
    others = sorted(tasks & TASKS.keys() - {task})
    if others:
        raise UserError(
            f'results {path} hold metrics of {others} too: for {task!r} give '
            'those of a model with this task only'
        )


def primary_value(
    results: Mapping[str, Any],
    task: str,
    path: str | Path,
    primary: Mapping[str, str] | None = None,
) -> float:
    """Return the primary metric of a task.

    Args:
        results: A results file's content.
        task: Task name.
        path: The file, for error texts.
        primary: Tasks that are compared by another metric.

    Raises:
        UserError: If the results do not have it.
    """
    key = primary_key(task, primary)
    value = results['metrics'].get(key)
    if value is None:
        raise UserError(
            f'results {path} have no {key}, only {sorted(results["metrics"])}'
        )
    return float(value)
