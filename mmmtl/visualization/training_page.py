"""A page of losses and metrics, of one training or of several."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mmmtl.errors import UserError
from mmmtl.io.folders import new_file
from mmmtl.io.run_logs import (
    Row,
    is_training_row,
    read_run,
    scalar_files,
)
from mmmtl.visualization.html_page import json_block, make_page

# What rows say beside scalars.
_PLACES = {'step', 'iter', 'epoch'}
# A validation has a speed of its own, which is no curve of the training.
_OF_TRAINING = {'time', 'data_time', 'memory'}
_ALL = 'all tasks'
_TRAINING = 'training'
_GRADIENTS = 'gradients'
# The largest 32-bit float. Between larger ones, an axis has no length.
_LARGEST = 3.4028235e38


def write_training_page(
    runs: Sequence[str | Path], path: str | Path, *, title: str = 'Training'
) -> None:
    """Write one page with a chart per loss and metric and a line per run.

    Args:
        runs: Work folders of trainings, or logs (``scalars.json``).
        path: The file, ``.html``; it needs no other one.
        title: What stands above.

    Raises:
        UserError: There is no log, or nothing in it.
    """
    names = _names_of([Path(run) for run in runs])
    records = [
        dict(name=name, series=series_of(read_run(Path(run))))
        for name, run in zip(names, runs, strict=True)
    ]
    for run, record in zip(runs, records, strict=True):
        if not record['series']:
            log = scalar_files(Path(run))[-1]
            raise UserError(
                f'{record["name"]} has logged nothing yet: {log} has no whole '
                'line with a step'
            )
    found = dict.fromkeys(key for one in records for key in one['series'])
    content = dict(runs=records, groups=groups_of(list(found)))
    before, after = make_page(
        'training.html', title=title, scripts=['training.js']
    )
    with new_file(path) as partial:
        text = before + json_block('record', content) + after
        partial.write_text(text, 'utf-8', errors='replace')


def series_of(rows: Sequence[Row]) -> dict[str, dict[str, list]]:
    """Return the curve of each scalar.

    Args:
        rows: See :func:`mmmtl.io.run_logs.read_run`.

    Returns:
        By name ``steps`` and ``values``; a value that is no number of 32
        bits (NaN, infinity, 1e300) is None, a gap.
    """
    series: dict[str, dict[str, list]] = {}
    for row in rows:
        for name in _scalars_of(row):
            curve = series.setdefault(name, dict(steps=[], values=[]))
            curve['steps'].append(row['step'])
            curve['values'].append(_value(row[name]))
    return series


def _value(number: float) -> float | None:
    if not -_LARGEST <= number <= _LARGEST:
        return None
    # Enough digits for the eye, in half of the space.
    return float(f'{number:.6g}')


def _scalars_of(row: Row) -> list[str]:
    left_out = _PLACES if is_training_row(row) else _PLACES | _OF_TRAINING
    return [
        name
        for name, value in row.items()
        if name not in left_out and isinstance(value, (int, float))
    ]


def groups_of(names: Sequence[str]) -> list[dict[str, Any]]:
    """Sort scalars by task.

    Args:
        names: Their names.

    Returns:
        What concerns all tasks, each task, gradients, the training; each a
        ``title`` and its ``charts``, metrics before losses.
    """
    groups: dict[str, list[str]] = {_ALL: []}
    for name in names:
        groups.setdefault(_group_of(name), []).append(name)
    last = (_GRADIENTS, _TRAINING)
    order = [*(g for g in groups if g not in last), *last]
    return [
        dict(title=group, charts=sorted(groups[group], key=_is_no_metric))
        for group in order
        if groups.get(group)
    ]


def _is_no_metric(name: str) -> bool:
    return '/' not in name


def _group_of(name: str) -> str:
    if '/' in name:
        return name.partition('/')[0]
    first, _, rest = name.partition('.')
    if first in ('norm', 'cosine') or name == 'grad_norm':
        return _GRADIENTS
    if rest:
        return first
    return _ALL if name in ('loss', 'delta_m') else _TRAINING


def _names_of(runs: Sequence[Path]) -> list[str]:
    """Call runs by their folders, by the whole path where two are alike."""
    names = [
        run.name if run.is_dir() or run.name != 'scalars.json' else str(run)
        for run in (run.resolve() for run in runs)
    ]
    counts: Mapping[str, int] = {name: names.count(name) for name in names}
    return [
        name if counts[name] == 1 else str(run)
        for name, run in zip(names, runs, strict=True)
    ]
