"""The result of a benchmark: one JSON file, and a table on the screen."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from typing import Any

from rich.console import Console
from rich.table import Table

from mmmtl.io.json_file import write_json

from .machine import describe_hardware, describe_versions, load_average

Result = dict[str, Any]


def make_report(
    benchmark: str,
    *,
    settings: Mapping[str, Any],
    results: Sequence[Result],
    load_before: float,
) -> dict[str, Any]:
    """Put results together with what they were measured on.

    Args:
        benchmark: Name of the subcommand.
        settings: Its arguments.
        results: One entry a case: ``name``, ``seconds`` and so on.
        load_before: Load average when the benchmark started; more than 0
            says how busy others kept the machine.
    """
    return {
        'benchmark': benchmark,
        'command': shlex.join(sys.argv),
        'finished': datetime.now(timezone.utc).isoformat(timespec='seconds'),
        'hardware': describe_hardware(),
        'versions': describe_versions(),
        'load_average': {'before': load_before, 'after': load_average()},
        'settings': dict(settings),
        'results': list(results),
    }


def publish(report: dict[str, Any], out: str | None) -> None:
    """Show a report and write it, if a file is given."""
    # A file or a pipe has no width; the table needs this much.
    console = Console(width=max(120, Console().width))
    for result in report['results']:
        if 'skipped' in result:
            console.print(f'{result["name"]}: skipped, {result["skipped"]}')
        if 'images_per_second' in result:
            console.print(f'{result["images_per_second"]:.1f} images/s')
    console.print(_table(report))
    load = report['load_average']
    console.print(
        f'{report["hardware"]["threads"]} threads; load average '
        f'{load["before"]:.1f} before, {load["after"]:.1f} after'
    )
    if out is not None:
        write_json(out, report)
        console.print(f'written: {out}')


def _table(report: dict[str, Any]) -> Table:
    table = Table(title=report['benchmark'])
    table.add_column('case', no_wrap=True)
    for column in ('median ms', 'iqr', 'min', 'ratio', 'cpu ms', 'ratio'):
        table.add_column(column, justify='right', no_wrap=True)
    counted = any('multiply_adds' in one for one in report['results'])
    if counted:
        table.add_column('G mult-adds', justify='right', no_wrap=True)
    table.add_column('peak GB', justify='right')
    for result in report['results']:
        if 'seconds' not in result:
            continue
        peak = result.get('memory', {}).get('peak_bytes')
        count = result.get('multiply_adds')
        ratios = [
            f'{result[key]["median"]:.2f}' if key in result else ''
            for key in ('ratio', 'cpu_ratio')
        ]
        table.add_row(
            result['name'],
            *_milliseconds(result['seconds']),
            ratios[0],
            f'{result["cpu_seconds"]["median"] * 1e3:.1f}',
            ratios[1],
            *(['' if count is None else f'{count / 1e9:.2f}'] * counted),
            '' if peak is None else f'{peak / 1e9:.2f}',
        )
        for name, part in result.get('parts', {}).items():
            table.add_row(f'  {name}', *_milliseconds(part))
    return table


def _milliseconds(values: Mapping[str, float]) -> list[str]:
    return [f'{values[key] * 1e3:.1f}' for key in ('median', 'iqr', 'min')]
