"""One Markdown table from several runs of ``tools/demo.py``.

Example:
    python tools/analysis_tools/rooms_table.py work_dirs/*/demo.json
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from mmmtl.engine.errors import user_errors
from mmmtl.errors import UserError
from mmmtl.io.folders import check_out, new_file
from mmmtl.io.plain_files import read_json

# What must agree for runs to be comparable.
BUDGET = ('seed', 'iterations', 'batch_size', 'num_train', 'num_val')
NEEDED = ('name', 'metrics', 'parameters', 'cpu_seconds_per_step', *BUDGET)


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        'runs', nargs='+', type=Path, metavar='demo.json', help='the runs'
    )
    parser.add_argument('--out', type=Path, help='write the table there too')
    return parser.parse_args()


def main() -> None:
    """Print the table."""
    args = parse_args()
    with user_errors():
        if args.out is not None:
            check_out('--out', args.out)
        table = make_table([read_run(path) for path in args.runs])
        print(table)
        if args.out is not None:
            with new_file(args.out) as partial:
                partial.write_text(table + '\n', encoding='utf-8')


def read_run(path: Path) -> dict[str, Any]:
    """Read what a run of the demo has written.

    Raises:
        UserError: If the file is missing, or something else.
    """
    try:
        run = read_json(path)
    except OSError as error:
        raise UserError(f'run {path}: {error.strerror or error}') from error
    except ValueError as error:
        raise UserError(f'run {path} is no JSON: {error}') from error
    absent = [
        key for key in NEEDED if not isinstance(run, dict) or key not in run
    ]
    if absent:
        raise UserError(
            f'run {path} has no {", ".join(absent)}: give a demo.json that '
            'tools/demo.py has written'
        )
    return run


def make_table(runs: list[dict[str, Any]]) -> str:
    """Return the Markdown table, and a line that says what was equal.

    Args:
        runs: Contents of ``demo.json``; same budget and same metrics.

    Raises:
        UserError: If two runs are not comparable.
    """
    first = runs[0]
    for run in runs[1:]:
        for key in BUDGET:
            if run[key] != first[key]:
                raise UserError(
                    f'{run["name"]} has {key}={run[key]}, {first["name"]} '
                    f'{first[key]}: a table needs runs of one budget'
                )
        if set(run['metrics']) != set(first['metrics']):
            raise UserError(
                f'{run["name"]} reports {sorted(run["metrics"])}, '
                f'{first["name"]} {sorted(first["metrics"])}: compare runs '
                'on the same tasks'
            )
        _check_trivial(first, run)
    metrics = first['metrics']
    head = [
        f'{name} ({entry["unit"]})' if entry['unit'] else name
        for name, entry in metrics.items()
    ]
    rows = [['config', *head, 'parameters', 'step (CPU)']]
    rows.append(['---', *['---:'] * (len(head) + 2)])
    rows.append(
        ['trivial', *(_number(e['trivial']) for e in metrics.values()), '', '']
    )
    rows += [
        [
            run['name'],
            *(_number(run['metrics'][name]['after']) for name in metrics),
            f'{run["parameters"] / 1e6:.2f} M',
            f'{run["cpu_seconds_per_step"]:.2f} s',
        ]
        for run in runs
    ]
    budget = (
        f'Seed {first["seed"]}, {first["iterations"]} steps of '
        f'{first["batch_size"]} images, {first["num_train"]} rendered rooms '
        f'to train on, {first["num_val"]} others to evaluate. A step is '
        'forward, backward and update, in processor time of all threads.'
    )
    table = '\n'.join('| ' + ' | '.join(row) + ' |' for row in rows)
    return f'{table}\n\n{budget}'


def _check_trivial(first: dict[str, Any], run: dict[str, Any]) -> None:
    """The best constant answer tells whether the rooms were the same."""
    for name, entry in run['metrics'].items():
        want = first['metrics'][name]['trivial']
        if abs(entry['trivial'] - want) > 1e-3 * max(abs(want), 1e-6):
            raise UserError(
                f'{name} of the trivial predictor is {entry["trivial"]:.4g} '
                f'for {run["name"]} and {want:.4g} for {first["name"]}: they '
                'saw different rooms; render one folder for all'
            )


def _number(value: float) -> str:
    """Three or four significant digits, as papers print them."""
    return f'{value:.1f}' if abs(value) >= 10 else f'{value:.3f}'


if __name__ == '__main__':
    main()
