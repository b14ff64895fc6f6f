"""Verifies whole splits with several processes, and reports on them."""

from __future__ import annotations

import inspect
import io
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from mmengine.registry import DefaultScope

from mmmtl.datasets.base import BaseMultiTaskDataset
from mmmtl.datasets.verification.known_sets import KnownSet
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

# A map may well hold one class only; most maps of a task may not, except
# where most images show nothing of the kind.
_MOST = 0.5
_OFTEN_ABSENT = ('human_parts', 'saliency')
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
        ``ok``, ``problems`` and ``notes`` (lists of ``kind``, ``task``,
        ``count``, ``files``, ``example``), ``statistics`` per task,
        ``samples`` per split, ``files``.

    Raises:
        DatasetError: If the folder or a list of samples cannot be used.
        ValueError: If a task is unknown, or the data set lacks it.
    """
    chosen = tuple(tasks) if tasks else None
    jobs, counts = [], {}
    for split in dict.fromkeys(splits or rules.splits):
        source = _Source(str(root), split, chosen, rules)
        dataset = _dataset(source)
        samples = dataset.list_samples()
        counts[split] = len(samples)
        jobs += [
            (source, samples[start : start + _BATCH])
            for start in range(0, len(samples), _BATCH)
        ]
    batches = run_parallel(
        _check_batch,
        jobs,
        workers=workers,
        bar='batches of samples' if bar else None,
    )
    _dataset.cache_clear()
    reports = [report for batch in batches for report in batch]
    statistics = _statistics(reports, dataset.tasks)
    findings = _unlikely_scale(root, rules, statistics)
    always = [
        task
        for task in dataset.tasks
        if task not in _OFTEN_ABSENT and not dataset.label_files[task].optional
    ]
    return {
        'data_root': str(root),
        'dataset': rules.dataset,
        'samples': counts,
        'tasks': list(dataset.tasks),
        'files': sum(report.files for report in reports),
        **_summary(reports, Path(root), always, findings),
        'statistics': statistics,
    }


@dataclass(frozen=True)
class _Source:
    """What a process needs to read a split."""

    root: str
    split: str
    tasks: tuple[str, ...] | None
    rules: KnownSet

    def __hash__(self) -> int:  # options may hold lists
        return hash((self.root, self.split, self.tasks))


@cache
def _dataset(source: _Source) -> BaseMultiTaskDataset:
    # A part of mmseg prints that it lacks an optional package when imported,
    # here and in each worker; that says nothing about the data.
    with redirect_stdout(io.StringIO()):
        DATASETS.import_from_location()
    kind = DATASETS.get(source.rules.dataset)
    known = inspect.signature(kind).parameters
    for name in source.rules.options:
        if name not in known:
            raise ValueError(
                f'{kind.__name__} has no option {name!r}: '
                f'{did_you_mean(name, known)}'
            )
    with DefaultScope.overwrite_default_scope(SCOPE):
        return kind(
            source.root,
            split=source.split,
            tasks=source.tasks,
            pipeline=[],
            lazy_init=True,
            **source.rules.options,
        )


def _check_batch(job: tuple[_Source, list[dict]]) -> list[SampleReport]:
    source, samples = job
    dataset = _dataset(source)
    return [check_sample(s, dataset, source.rules) for s in samples]


def _summary(
    reports: Sequence[SampleReport],
    root: Path,
    always: Sequence[str],
    of_the_set: Sequence[Finding],
) -> dict[str, Any]:
    findings = [f for report in reports for f in report.findings]
    findings += [*of_the_set, *_repeated(reports)]
    for task in always:
        findings += _mostly_one_value(task, findings, reports)
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
                'files': [_below(root, f.path) for f in groups[kind, task]],
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
    task: str, findings: Sequence[Finding], reports: Sequence[SampleReport]
) -> list[Finding]:
    maps = sum(task in report.numbers for report in reports)
    found = [
        f
        for f in findings
        if f.task == task and f.kind in ('one value', 'empty')
    ]
    if len(found) <= _MOST * maps:
        return []
    text = f'{len(found)} of {maps} maps: {found[0].text}'
    return [Finding('constant', task, found[0].path, text)]


def _unlikely_scale(
    root: Path, rules: KnownSet, statistics: dict[str, dict[str, Any]]
) -> list[Finding]:
    median = statistics.get('depth', {}).get('median')
    low, high = _ROOM_DEPTHS
    if not rules.indoor or median is None or low <= median <= high:
        return []
    text = f'median {median:.3g} m, {low:g} to {high:g} are usual'
    return [Finding('scale', 'depth', str(root), text)]


def _statistics(
    reports: Sequence[SampleReport], tasks: Sequence[str]
) -> dict[str, dict[str, Any]]:
    merged = {}
    for task in tasks:
        parts = [r.numbers[task] for r in reports if task in r.numbers]
        if parts:
            merged[task] = merge(task, parts)
    return merged


def _below(root: Path, path: str) -> str:
    try:
        return Path(path).relative_to(root).as_posix()
    except ValueError:
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
    table = [('task', 'maps', 'labelled', 'low', 'median', 'high', 'also')]
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
