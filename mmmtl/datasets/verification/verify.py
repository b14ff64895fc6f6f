"""Verifies whole splits with several processes, and reports on them."""

from __future__ import annotations

import inspect
import io
import pickle
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import redirect_stdout
from functools import cache
from pathlib import Path
from typing import Any

from mmengine.registry import DefaultScope

from mmmtl.datasets.base import BaseMultiTaskDataset
from mmmtl.datasets.verification.known_sets import KnownSet, rules_of
from mmmtl.datasets.verification.plausibility import merge
from mmmtl.datasets.verification.sample_checks import (
    NOTES,
    PROBLEMS,
    Finding,
    SampleReport,
    check_sample,
)
from mmmtl.errors import did_you_mean
from mmmtl.io.workers import run_parallel
from mmmtl.registry import DATASETS, SCOPE
from mmmtl.tasks import get_task, register_tasks
from mmmtl.tasks.kinds import Depth

# Metres; median depths of rooms lie well inside.
_ROOM_DEPTHS = (0.5, 8.0)
_BATCH = 8
# Files that the table of findings names in a row.
_SHOWN = 3


def verify(
    root: Path,
    rules: KnownSet,
    *,
    splits: Sequence[str] | None = None,
    tasks: Sequence[str] | None = None,
    workers: int = 1,
    bar: bool = False,
) -> dict[str, Any]:
    """Open every file of a data folder.

    Args:
        root: The data folder.
        rules: How it is read.
        splits: The splits; None for those of the data set.
        tasks: The tasks; None for all that the data set has.
        workers: Number of processes.
        bar: Show a progress bar.

    Returns:
        See :func:`verify_data_sets`.

    Raises:
        DatasetError: If the folder or a list of samples cannot be used.
        ValueError: If a task is unknown, or the data set lacks it.
    """
    chosen = tuple(tasks) if tasks else None
    datasets = [
        _dataset(root, rules, split, chosen)
        for split in dict.fromkeys(splits or rules.splits)
    ]
    pairs = [(dataset, rules) for dataset in datasets]
    return verify_data_sets(pairs, workers=workers, bar=bar)


def verify_config(
    config: Mapping[str, Any],
    *,
    splits: Sequence[str] | None = None,
    tasks: Sequence[str] | None = None,
    options: Mapping[str, Any] | None = None,
    workers: int = 1,
    bar: bool = False,
) -> dict[str, Any]:
    """Open every file of the data sets that a config names.

    Args:
        config: A config with ``train_dataloader`` and its like. Its data
            sets may be of any class that derives from
            :class:`~mmmtl.datasets.BaseMultiTaskDataset`.
        splits: Splits of the data sets; None for all.
        tasks: The tasks; None for those of the config.
        options: Further arguments of the data sets.
        workers: Number of processes.
        bar: Show a progress bar.

    Returns:
        See :func:`verify_data_sets`.

    Raises:
        DatasetError: If the folder or a list of samples cannot be used.
        ValueError: If the config has no data set of such a class or split.
    """
    register_tasks(config.get('new_tasks', {}))
    rows: list[dict] = []
    for part in ('train', 'val', 'test'):
        loader = config.get(f'{part}_dataloader') or {}
        for row in _innermost(loader.get('dataset')):
            row = {**row, **(options or {}), 'pipeline': [], 'lazy_init': True}
            # A run of a few samples does not make the rest of them right.
            row.pop('indices', None)
            row.update(dict(tasks=list(tasks)) if tasks else {})
            wanted = not splits or row.get('split') in splits
            if wanted and row not in rows:
                rows.append(row)
    if not rows:
        raise ValueError(
            f'the config has no data set{f" of {splits}" if splits else ""}'
        )
    pairs = []
    for row in rows:
        with DefaultScope.overwrite_default_scope(SCOPE):
            dataset = DATASETS.build(row)
        if not isinstance(dataset, BaseMultiTaskDataset):
            raise ValueError(
                f'{row["type"]} is no BaseMultiTaskDataset: only those say '
                'where their labels lie'
            )
        pairs.append((dataset, rules_of(dataset)))
    return verify_data_sets(pairs, workers=workers, bar=bar)


def verify_data_sets(
    pairs: Sequence[tuple[BaseMultiTaskDataset, KnownSet]],
    *,
    workers: int = 1,
    bar: bool = False,
) -> dict[str, Any]:
    """Open every file of data sets.

    Args:
        pairs: Data sets, not initialised and without a pipeline, and what is
            known about them.
        workers: Number of processes.
        bar: Show a progress bar.

    Returns:
        ``ok``, ``problems`` and ``notes`` (lists of ``kind``, ``task``,
        ``count``, ``files``, ``example``), ``statistics`` per task,
        ``samples`` per split, ``files``.
    """
    jobs, counts = [], {}
    for dataset, rules in pairs:
        samples = dataset.list_samples()
        name = dataset.split
        if name in counts:
            name = f'{name} of {dataset.data_root}'
        counts[name] = len(samples)
        content = pickle.dumps(dataset)
        jobs += [
            (content, rules, samples[start : start + _BATCH])
            for start in range(0, len(samples), _BATCH)
        ]
    batches = run_parallel(
        _check_batch,
        jobs,
        workers=workers,
        bar='batches of samples' if bar else None,
    )
    _unpickle.cache_clear()
    reports = [report for batch in batches for report in batch]
    datasets = [dataset for dataset, _ in pairs]
    tasks = list(dict.fromkeys(t for d in datasets for t in d.tasks))
    roots = list(dict.fromkeys(dataset.data_root for dataset in datasets))
    statistics = _statistics(reports, tasks)
    findings: list[Finding] = []
    if all(rules.indoor for _, rules in pairs):
        findings += _unlikely_scale(roots[0], statistics)
    limits = {task: _most(task, datasets) for task in tasks}
    kinds = dict.fromkeys(type(dataset).__name__ for dataset in datasets)
    return {
        'data_root': ', '.join(roots),
        'dataset': ', '.join(kinds),
        'samples': counts,
        'tasks': tasks,
        'files': sum(report.files for report in reports),
        **_summary(reports, roots, limits, findings),
        'statistics': statistics,
    }


def _innermost(row: Mapping[str, Any] | None) -> Iterator[Mapping[str, Any]]:
    """Yield the data sets that others (a concatenation) are made of."""
    if row is None:
        return
    inner = row.get('datasets', [row['dataset']] if 'dataset' in row else None)
    if isinstance(inner, Mapping):  # by name
        inner = inner.values()
    if inner is None:
        yield row
    for part in inner or ():
        yield from _innermost(part)


def _most(task: str, datasets: Sequence[BaseMultiTaskDataset]) -> float:
    """Return the share of a task's maps that may show one value."""
    return max(
        1.0 if d.label_files[task].optional else d.most_of_one_value(task)
        for d in datasets
        if task in d.tasks
    )


def _dataset(
    root: Path, rules: KnownSet, split: str, tasks: tuple[str, ...] | None
) -> BaseMultiTaskDataset:
    # A part of mmseg prints that it lacks an optional package when imported;
    # that says nothing about the data.
    with redirect_stdout(io.StringIO()):
        DATASETS.import_from_location()
    kind = DATASETS.get(rules.dataset)
    known = inspect.signature(kind).parameters
    for name in rules.options:
        if name not in known:
            raise ValueError(
                f'{kind.__name__} has no option {name!r}: '
                f'{did_you_mean(name, known)}'
            )
    with DefaultScope.overwrite_default_scope(SCOPE):
        return kind(
            str(root),
            split=split,
            tasks=tasks,
            pipeline=[],
            lazy_init=True,
            **rules.options,
        )


def _check_batch(
    job: tuple[bytes, KnownSet, list[dict]],
) -> list[SampleReport]:
    content, rules, samples = job
    dataset = _unpickle(content)
    return [check_sample(s, dataset, rules) for s in samples]


@cache
def _unpickle(content: bytes) -> BaseMultiTaskDataset:
    """Return a data set; each process needs it once, and prints nothing."""
    with redirect_stdout(io.StringIO()):
        return pickle.loads(content)


def _summary(
    reports: Sequence[SampleReport],
    roots: Sequence[str],
    limits: Mapping[str, float],
    of_the_set: Sequence[Finding],
) -> dict[str, Any]:
    findings = [f for report in reports for f in report.findings]
    findings += [*of_the_set, *_repeated(reports)]
    for task, limit in limits.items():
        findings += _mostly_one_value(task, limit, findings, reports)
    groups: dict[tuple[str, str], list[Finding]] = defaultdict(list)
    for finding in findings:
        groups[finding.kind, finding.task].append(finding)

    def rows(kinds: Sequence[str]) -> list[dict[str, Any]]:
        ordered = [key for kind in kinds for key in groups if key[0] == kind]
        return [
            {
                'kind': kind,
                'task': task,
                'count': len(groups[kind, task]),
                'files': [_below(roots, f.path) for f in groups[kind, task]],
                'example': groups[kind, task][0].text,
            }
            for kind, task in ordered
        ]

    problems = rows(list(PROBLEMS))
    return {
        'ok': not problems,
        'problems': problems,
        'notes': rows(list(NOTES)),
    }


def _repeated(reports: Sequence[SampleReport]) -> Iterator[Finding]:
    """Find ids, and images, that occur twice."""
    by_id: dict[str, SampleReport] = {}
    by_hash: dict[str, SampleReport] = {}
    for report in reports:
        path, first = report.image_path, by_id.get(report.sample_id)
        if first is not None and first.split != report.split:
            text = f'in {first.split} and {report.split}'
            yield Finding('overlap', 'image', path, text)
            continue
        by_id[report.sample_id] = report
        if report.image_hash is None:
            continue
        twin = by_hash.setdefault(report.image_hash, report)
        if twin is not report:
            apart = twin.split != report.split
            text = (
                f'{report.sample_id} ({report.split}) is the same image as '
                f'{twin.sample_id} ({twin.split})'
            )
            kind = 'overlap' if apart else 'duplicate'
            yield Finding(kind, 'image', path, text)


def _mostly_one_value(
    task: str,
    limit: float,
    findings: Sequence[Finding],
    reports: Sequence[SampleReport],
) -> list[Finding]:
    maps = sum(task in report.numbers for report in reports)
    found = [
        f
        for f in findings
        if f.task == task and f.kind in ('one value', 'empty')
    ]
    if len(found) <= limit * maps:
        return []
    text = f'{len(found)} of {maps} maps: {found[0].text}'
    return [Finding('constant', task, found[0].path, text)]


def _unlikely_scale(
    root: str, statistics: dict[str, dict[str, Any]]
) -> Iterator[Finding]:
    low, high = _ROOM_DEPTHS
    for task, row in statistics.items():
        median = row.get('median')
        if not isinstance(get_task(task).kind, Depth) or median is None:
            continue
        if not low <= median <= high:
            text = f'median {median:.3g} m, {low:g} to {high:g} are usual'
            yield Finding('scale', task, root, text)


def _statistics(
    reports: Sequence[SampleReport], tasks: Sequence[str]
) -> dict[str, dict[str, Any]]:
    merged = {}
    for task in tasks:
        parts = [r.numbers[task] for r in reports if task in r.numbers]
        if parts:
            merged[task] = merge(task, parts)
    return merged


def _below(roots: Sequence[str], path: str) -> str:
    for root in roots:
        if Path(path).is_relative_to(root):
            return Path(path).relative_to(root).as_posix()
    return path


def format_report(report: dict[str, Any]) -> str:
    """Return the tables that the tool prints.

    Args:
        report: What :func:`verify` returned.
    """
    samples = ', '.join(
        f'{split} {count}' for split, count in report['samples'].items()
    )
    parts = [
        f'{report["dataset"]} in {report["data_root"]}: {samples} samples, '
        f'{report["files"]} files'
    ]
    if report['statistics']:
        parts.append(_statistics_table(report['statistics']))
    for title, rows in (
        ('problem', report['problems']),
        ('note', report['notes']),
    ):
        if rows:
            parts.append(_findings_table(title, rows))
    total = sum(row['count'] for row in report['problems'])
    parts.append(
        'No problem found.' if report['ok'] else f'{total} problems found.'
    )
    return '\n\n'.join(parts)


def _findings_table(title: str, rows: Sequence[dict[str, Any]]) -> str:
    table = [(title, 'task', 'count', 'files')]
    lines = []
    for row in rows:
        shown = ', '.join(row['files'][:_SHOWN])
        more = ', ...' if row['count'] > _SHOWN else ''
        table.append(
            (row['kind'], row['task'], str(row['count']), shown + more)
        )
        meaning = {**PROBLEMS, **NOTES}[row['kind']]
        lines.append(
            f'{row["kind"]} ({row["task"]}): {meaning}; e.g. {row["example"]}'
        )
    return '\n'.join([_align(table), '', *lines])


def _statistics_table(statistics: dict[str, dict[str, Any]]) -> str:
    table: list[tuple[str, ...]] = [
        ('task', 'maps', 'labelled', 'low', 'median', 'high', 'also')
    ]
    for task, row in statistics.items():
        numbers = [
            f'{row[name]:.3g}' if name in row else '-'
            for name in ('low', 'median', 'high')
        ]
        labelled = f'{100 * row["labelled"]:.1f} %'
        table.append((task, str(row['maps']), labelled, *numbers, _also(row)))
    return _align(table)


def _also(row: dict[str, Any]) -> str:
    words = []
    if 'counts' in row:
        words.append(f'{len(row["counts"])} values')
    if 'angle_to_depth' in row:
        words.append(f'{row["angle_to_depth"]:.1f} degrees from depth')
    if row['unit'].startswith('metre'):
        words.append('metres')
    return ', '.join(words)


def _align(table: Sequence[Sequence[str]]) -> str:
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    return '\n'.join(
        '  '.join(
            cell.ljust(width) for cell, width in zip(row, widths, strict=True)
        ).rstrip()
        for row in table
    )
