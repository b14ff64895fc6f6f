"""The result of a benchmark: one JSON file, and a table on the screen."""

from __future__ import annotations

import os
import platform
import re
import shlex
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import torch
from mmseg.utils import collect_env
from rich.console import Console
from rich.table import Table

from mmmtl import __version__
from mmmtl.io.json_file import write_json
from mmmtl.io.workers import usable_cores

Result = dict[str, Any]


def make_report(
    subject: str,
    settings: Mapping[str, Any],
    results: Sequence[Result],
    load_before: float,
) -> dict[str, Any]:
    """Put results together with what they were measured on.

    Args:
        subject: Name of the subcommand.
        settings: Its arguments.
        results: One entry a case: ``name``, ``seconds`` and so on.
        load_before: Load average when the benchmark started; more than 0
            says how busy others kept the machine.
    """
    info = Path('/proc/cpuinfo')
    cpu = re.findall(
        r'model name\s*: (.*)', info.read_text() if info.exists() else ''
    )
    return {
        'benchmark': subject,
        'command': shlex.join(sys.argv),
        'finished': datetime.now(timezone.utc).isoformat(timespec='seconds'),
        'environment': {
            'mmmtl': __version__,
            'cpu': cpu[0] if cpu else platform.processor(),
            'cores': usable_cores(),
            'threads': torch.get_num_threads(),
            **collect_env(),
        },
        'load_average': {'before': load_before, 'after': os.getloadavg()[0]},
        'settings': dict(settings),
        'results': list(results),
    }


def publish(report: dict[str, Any], out: str | None) -> None:
    """Print a report, a row per case and per part of it; write it."""
    # A file or a pipe has no width; the table needs this much.
    console = Console(width=max(120, Console().width))
    table = Table(title=report['benchmark'])
    table.add_column('case', no_wrap=True)
    for name in ('median ms', 'iqr', 'min', 'ratio', 'cpu ms', 'ratio'):
        table.add_column(name, justify='right', no_wrap=True)
    for name in ('G mult-adds', 'peak GB'):
        table.add_column(name, justify='right')
    for result in report['results']:
        numbers = [
            result.get('multiply_adds'),
            result.get('memory', {}).get('peak_bytes'),
        ]
        table.add_row(
            result['name'],
            *_milliseconds(result['seconds']),
            f'{result["ratio"]["median"]:.2f}',
            f'{result["cpu_seconds"]["median"] * 1e3:.1f}',
            f'{result["cpu_ratio"]["median"]:.2f}',
            *('' if n is None else f'{n / 1e9:.2f}' for n in numbers),
        )
        for name, part in result.get('parts', {}).items():
            table.add_row(f'  {name}', *_milliseconds(part))
    console.print(table)
    load = report['load_average']
    console.print(
        f'{report["environment"]["threads"]} threads; load average '
        f'{load["before"]:.1f} before, {load["after"]:.1f} after'
    )
    if out is not None:
        write_json(out, report)
        console.print(f'written: {out}')


def _milliseconds(values: Mapping[str, float]) -> list[str]:
    return [f'{values[key] * 1e3:.1f}' for key in ('median', 'iqr', 'min')]
