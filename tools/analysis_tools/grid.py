"""Trains a list of configs with several seeds and prints their table.

``python tools/analysis_tools/grid.py docs/tables/rooms.json`` trains and
tests what the list names, one run after the other. Each run leaves a small
JSON in the folder beside the list (``docs/tables/rooms/``); a run that has
one is not trained again, an unfinished one goes on where it was. Then the
Markdown table of all is printed.

A list is JSON::

    {"seeds": [0, 1, 2],
     "shape": [4, 3, 128, 160],
     "reference": "single-task FCN",
     "rows": [
       {"name": "single-task FCN", "config": "FILE", "single_task": true},
       {"name": "FCN", "config": "FILE"},
       {"name": "FCN, UPGrad", "config": "FILE", "options": {"KEY": "VALUE"}}]}

``single_task`` trains each task of the config by itself; ``reference`` is the
row that delta_m is relative to, or absent; ``shape`` is the batch that
``--measure`` takes; ``options`` of the list are those of all rows.
"""

from __future__ import annotations

import argparse
import hashlib
import statistics
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

_FOLDER = Path(__file__).resolve().parent
sys.path[:0] = [str(_FOLDER), str(_FOLDER.parents[1])]

from runs import train_and_test  # noqa: E402

from mmmtl.engine.errors import user_errors  # noqa: E402
from mmmtl.errors import UserError, did_you_mean  # noqa: E402
from mmmtl.io.plain_files import read_json  # noqa: E402

if TYPE_CHECKING:
    from mmengine.config import Config

    from mmmtl.evaluation.comparison import Column

FIELDS = {'name', 'config', 'single_task', 'options'}
# Of a step that is measured, and how often.
RUNS, WARMUP = 5, 1


def parse_args() -> argparse.Namespace:
    """Return the command line."""
    parser = argparse.ArgumentParser(
        description='Train a list of configs and print their table'
    )
    parser.add_argument('list', type=Path, metavar='LIST.json')
    parser.add_argument(
        '--work-dir',
        type=Path,
        help='weights and logs; default: work_dirs/grid-LIST',
    )
    parser.add_argument(
        '--rows', nargs='+', metavar='NAME', help='train only these'
    )
    parser.add_argument(
        '--seeds', nargs='+', type=int, help='train only these'
    )
    todo = parser.add_mutually_exclusive_group()
    todo.add_argument(
        '--table',
        action='store_true',
        help='train nothing, print the table of what is there',
    )
    todo.add_argument(
        '--measure',
        action='store_true',
        help='train nothing, measure size and time per step of every row; '
        'do it on a quiet machine',
    )
    return parser.parse_args()


@dataclass(frozen=True)
class Row:
    """One model of a table."""

    name: str
    config: str
    single_task: bool = False
    options: Mapping[str, Any] = field(default_factory=dict)

    def configs(self) -> dict[str | None, Config]:
        """Return the configs to train: of each task, or one under None."""
        from mmmtl.engine.config import load_config
        from mmmtl.engine.single_task_config import (
            comparable_tasks,
            single_task_config,
        )

        config = load_config(self.config, dict(self.options))
        if not self.single_task:
            return {None: config}
        tasks, _ = comparable_tasks(config)
        return {task: single_task_config(config, task) for task in tasks}


@dataclass(frozen=True)
class Grid:
    """A list that was read.

    Attributes:
        folder: Where the results of its runs lie.
        seeds: One run of each row for each.
        rows: The models.
        shape: Of the batch that a step is measured with.
        reference: Name of the row that delta_m is relative to.
    """

    folder: Path
    seeds: list[int]
    rows: list[Row]
    shape: list[int]
    reference: str | None

    def result(self, row: Row, task: str | None, seed: int) -> Path:
        """Return the file of a run's results."""
        name = '-'.join(filter(None, [_plain(row.name), task]))
        return self.folder / f'{name}.seed{seed}.json'

    def cost(self, row: Row) -> Path:
        """Return the file of a row's size and time."""
        return self.folder / f'{_plain(row.name)}.cost.json'


def read_grid(path: Path) -> Grid:
    """Read a list.

    Raises:
        UserError: If it is missing or no such list.
    """
    try:
        content = read_json(path)
        unknown = {key for row in content['rows'] for key in row} - FIELDS
        common = dict(content.get('options', {}))
        rows = (
            []
            if unknown
            else [
                Row(**row | {'options': common | row.get('options', {})})
                for row in content['rows']
            ]
        )
        seeds = [int(seed) for seed in content['seeds']]
        shape = [int(size) for size in content['shape']]
    except (
        OSError,
        ValueError,
        LookupError,
        TypeError,
        AttributeError,
    ) as error:
        raise UserError(f'list {path}: {error!r}') from error
    if unknown:
        raise UserError(
            f'list {path}: rows have {sorted(unknown)}, write {sorted(FIELDS)}'
        )
    names = [row.name for row in rows]
    reference = content.get('reference')
    if len({_plain(name) for name in names}) < len(names):
        raise UserError(f'list {path}: give each row another name')
    if reference is not None and reference not in names:
        raise UserError(f'list {path}: reference {reference!r} is no row')
    return Grid(path.with_suffix(''), seeds, rows, shape, reference)


def train(grid: Grid, args: argparse.Namespace) -> None:
    """Train and test what has no results yet, seed after seed."""
    from mmmtl.engine.results import read_results
    from mmmtl.io.json_file import write_json

    for row in args.rows or ():
        if row not in (names := [row.name for row in grid.rows]):
            raise UserError(f'--rows {row!r}: {did_you_mean(row, names)}')
    if unknown := set(args.seeds or ()) - set(grid.seeds):
        raise UserError(
            f'--seeds {sorted(unknown)}: the list has {grid.seeds}, and the '
            'table shows no others; add them there'
        )
    root = args.work_dir or Path('work_dirs', f'grid-{args.list.stem}')
    for seed in args.seeds or grid.seeds:
        for row in grid.rows:
            if args.rows and row.name not in args.rows:
                continue
            for task, config in row.configs().items():
                out = grid.result(row, task, seed)
                if out.is_file():
                    continue
                print(f'== {out.stem}', flush=True)
                results = read_results(
                    train_and_test(config, root / out.stem, seed=seed)
                )
                write_json(
                    out,
                    dict(
                        row=row.name,
                        config=row.config,
                        options=row.options,
                        task=task,
                        seed=seed,
                        metrics=results['metrics'],
                        primary=results['primary'],
                        config_sha256=_hash(config),
                        versions=results['versions'],
                    ),
                )


def measure(grid: Grid) -> None:
    """Measure size and time per step of every row, all in turn."""
    import torch
    from benchmarks.measure import measure as time_in_turn
    from benchmarks.measure import spread
    from benchmarks.model import training_step
    from benchmarks.models import build_loaded, count_parameters
    from benchmarks.multiply_adds import count_multiply_adds

    from mmmtl.io.json_file import write_json

    torch.set_num_threads(1)
    steps, costs = {}, {row.name: [0, 0] for row in grid.rows}
    for row in grid.rows:
        for task, config in row.configs().items():
            inputs = torch.randn(grid.shape)
            model = build_loaded(config)
            costs[row.name][0] += count_parameters(model)
            with torch.no_grad():
                costs[row.name][1] += count_multiply_adds(
                    partial(model.eval(), inputs[:1], mode='tensor')
                )
            steps[row.name, task] = training_step(model, config, inputs)
    samples = time_in_turn(steps, runs=RUNS, warmup=WARMUP, label='steps')
    for row in grid.rows:
        parameters, multiply_adds = costs[row.name]
        write_json(
            grid.cost(row),
            dict(
                row=row.name,
                parameters=parameters,
                multiply_adds_of_an_image=multiply_adds,
                cpu_seconds_per_step=sum(
                    spread([sample.cpu_seconds for sample in runs])['median']
                    for (name, _), runs in samples.items()
                    if name == row.name
                ),
                runs=RUNS,
            ),
        )


def make_table(grid: Grid) -> str:
    """Return the Markdown table of what is there, and what is not."""
    from mmmtl.evaluation.comparison import DELTA_M, choose_columns

    found = {row.name: list(_metrics(grid, row)) for row in grid.rows}
    primary = _primary(grid)
    columns = choose_columns(
        [metrics for runs in found.values() for metrics in runs], [primary]
    )
    if grid.reference is not None:
        _add_delta_m(found, grid.reference, columns, primary)
        columns = [c for c in columns if c != DELTA_M] + [DELTA_M]
    lines = [
        [
            'model',
            *(column.title for column in columns),
            'parameters',
            'multiply-adds',
            'step',
            'seeds',
        ],
        ['---', *['---:'] * (len(columns) + 4)],
    ]
    for row in grid.rows:
        runs = found[row.name]
        cells = [_cell(column, runs) for column in columns]
        lines.append(
            [
                f'[{row.name}]({_link(grid, row)})',
                *cells,
                *_cost_cells(grid.cost(row)),
                str(len(runs)),
            ]
        )
    return '\n'.join('| ' + ' | '.join(line) + ' |' for line in lines)


def notes(grid: Grid) -> list[str]:
    """Say which runs are missing, and which were made by another config."""
    missing, stale = [], []
    for row in grid.rows:
        for task, config in row.configs().items():
            for seed in grid.seeds:
                path = grid.result(row, task, seed)
                if not path.is_file():
                    missing.append(path.stem)
                elif _read(path)['config_sha256'] != _hash(config):
                    stale.append(path.stem)
    return [
        f'{text}: {", ".join(names)}'
        for text, names in (
            ('not run yet', missing),
            ('run with another config than the one of now', stale),
        )
        if names
    ]


def _metrics(grid: Grid, row: Row) -> Iterator[dict[str, float]]:
    """Yield the metrics of the seeds of which all runs are there."""
    tasks = list(row.configs())
    for seed in grid.seeds:
        paths = [grid.result(row, task, seed) for task in tasks]
        if all(path.is_file() for path in paths):
            yield {
                key: value
                for path in paths
                for key, value in _read(path)['metrics'].items()
            }


def _primary(grid: Grid) -> dict[str, str]:
    """Return the tasks compared by another metric; all runs agree."""
    chosen: dict[str, str] = {}
    for path in sorted(grid.folder.glob('*.seed*.json')):
        chosen |= _read(path)['primary']
    return chosen


def _add_delta_m(
    found: dict[str, list[dict[str, float]]],
    reference: str,
    columns: list[Column],
    primary: dict[str, str],
) -> None:
    """Add delta_m against the mean of the reference's seeds to each run."""
    from mmmtl.evaluation.comparison import add_delta_m

    keys = [column.key for column in columns if '/' in column.key]
    runs = found[reference]
    single = {
        key.partition('/')[0]: statistics.fmean(run[key] for run in runs)
        for key in keys
        if runs
    }
    for name, others in found.items():
        if single and name != reference:
            found[name] = [add_delta_m(run, single, primary) for run in others]


def _cell(column: Column, runs: list[dict[str, float]]) -> str:
    """Write mean and spread (standard deviation) over the seeds."""
    values = [run[column.key] for run in runs if column.key in run]
    if not values:
        return '-'
    text = column.text(statistics.fmean(values))
    if len(values) > 1:
        text += f' ± {column.text(statistics.stdev(values))}'
    return text


def _cost_cells(path: Path) -> list[str]:
    if not path.is_file():
        return ['-', '-', '-']
    cost = _read(path)
    return [
        f'{cost["parameters"] / 1e6:.2f} M',
        f'{cost["multiply_adds_of_an_image"] / 1e9:.2f} G',
        f'{cost["cpu_seconds_per_step"]:.2f} s',
    ]


def _link(grid: Grid, row: Row) -> str:
    return '../' * (len(grid.folder.parent.parts)) + row.config


def _plain(name: str) -> str:
    """Return a name fit for a file."""
    return ''.join(c if c.isalnum() else '-' for c in name.lower())


def _hash(config: Config) -> str:
    return hashlib.sha256(config.pretty_text.encode()).hexdigest()


def _read(path: Path) -> dict[str, Any]:
    try:
        return read_json(path)
    except ValueError as error:
        raise UserError(
            f'{path} is no JSON ({error}): remove it, and run that again'
        ) from error


def main() -> None:
    """Run the tool."""
    args = parse_args()
    with user_errors():
        grid = read_grid(args.list)
        if args.measure:
            measure(grid)
        elif not args.table:
            train(grid, args)
        print(make_table(grid))
        for note in notes(grid):
            print(note, file=sys.stderr)


if __name__ == '__main__':
    main()
