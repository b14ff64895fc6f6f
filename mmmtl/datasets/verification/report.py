"""A verification as text for the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mmmtl.datasets.verification.findings import NOTES, PROBLEMS

_SHOWN = 3


def format_report(report: dict[str, Any]) -> str:
    """Return the tables that the tool prints.

    Args:
        report: What :func:`~.verify.verify` returned.
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
