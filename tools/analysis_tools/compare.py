"""Compares results: ``python tools/analysis_tools/compare.py A.json B.json``.

Reads results files of ``tools/test.py --out``, prints the Markdown table of a
paper and draws a bar chart.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from mmmtl.engine.errors import user_errors
from mmmtl.errors import UserError
from mmmtl.io.folders import check_out, new_file


def parse_args() -> argparse.Namespace:
    """Return the command line."""
    parser = argparse.ArgumentParser(description='Compare results')
    parser.add_argument(
        'results', nargs='+', metavar='FILE.json', help='results files'
    )
    parser.add_argument(
        '--names',
        nargs='+',
        metavar='NAME',
        help="what to call them; default: the configs' names",
    )
    parser.add_argument(
        '--single-task',
        metavar='FILE.json',
        help='results of single-task models, for delta_m; default: those '
        'the results were evaluated with',
    )
    parser.add_argument(
        '--out', metavar='FILE.md', help='write the table there too'
    )
    parser.add_argument(
        '--chart',
        metavar='FILE.png',
        default='comparison.png',
        help='draw the bar chart there; default: comparison.png',
    )
    parser.add_argument(
        '--imports',
        nargs='+',
        default=[],
        metavar='MODULE',
        help='modules with kinds of your own, found on PYTHONPATH',
    )
    return parser.parse_args()


def choose_names(contents: list[dict], args: argparse.Namespace) -> list[str]:
    """Return a name for each result, all different."""
    names = args.names
    if names is None:
        names = [
            Path(content.get('config', {}).get('file', path)).stem
            for content, path in zip(contents, args.results, strict=True)
        ]
        if len(set(names)) < len(names):
            names = list(args.results)
    if len(names) != len(contents) or len(set(names)) < len(names):
        raise UserError(
            f'{len(contents)} results and the names {names}: give each its '
            'own with --names'
        )
    return names


def say_unknown(contents: list[dict]) -> None:
    """Name tasks of kinds that are not known here."""
    from mmmtl.tasks import TASKS

    unknown = {
        f'{task} (kind {row["kind"]!r})': None
        for content in contents
        for task, row in content.get('new_tasks', {}).items()
        if task not in TASKS
    }
    if unknown:
        print(
            f'note: {", ".join(unknown)}: left out, the kind is not known '
            'here; name its module with --imports',
            file=sys.stderr,
        )


def comparable_rows(contents: list[dict]) -> list[dict]:
    """Return the metrics, ``delta_m`` blank where it has several bases."""
    rows = [content['metrics'] for content in contents]
    bases = [
        content.get('single_task')
        for content in contents
        if content['metrics'].get('delta_m') is not None
    ]
    # Two unknown bases need not be the same.
    if len(bases) < 2 or (bases[0] and all(b == bases[0] for b in bases)):
        return rows
    print(
        'note: delta_m is left blank: the results were evaluated with '
        'different or unknown single-task results; give one file with '
        '--single-task',
        file=sys.stderr,
    )
    return [
        {**row, 'delta_m': None} if 'delta_m' in row else row for row in rows
    ]


def compare(args: argparse.Namespace) -> None:
    """Do as the command line says."""
    from mmmtl.engine.config import import_own_modules
    from mmmtl.engine.results import read_results
    from mmmtl.evaluation.comparison import (
        add_delta_m,
        choose_columns,
        markdown_table,
    )
    from mmmtl.evaluation.single_task import read_single_task
    from mmmtl.visualization.charts import Bars, save_bar_chart

    for option, path, ending in (
        ('--out', args.out, '.md'),
        ('--chart', args.chart, '.png'),
    ):
        if path is not None:
            check_out(option, path, ending)
    import_own_modules(args.imports)
    contents = [read_results(path) for path in args.results]
    say_unknown(contents)
    names = choose_names(contents, args)
    if args.single_task is not None:
        rows = []
        for path, content in zip(args.results, contents, strict=True):
            primary = content.get('primary')
            single = read_single_task(args.single_task, primary)
            try:
                rows.append(add_delta_m(content['metrics'], single, primary))
            except ValueError as error:
                raise UserError(
                    f'results {path} with --single-task {args.single_task}: '
                    f'{error}'
                ) from error
    else:
        rows = comparable_rows(contents)
    columns = choose_columns(
        rows, [content.get('primary') or {} for content in contents]
    )
    if not columns:
        raise UserError(
            'none of the results has a metric of a task, only '
            f'{sorted({key for row in rows for key in row})}'
        )
    table = dict(zip(names, rows, strict=True))
    text = markdown_table(table, columns)
    print(text)
    if args.out is not None:
        with new_file(args.out) as partial:
            partial.write_text(text + '\n', encoding='utf-8')
    panels = []
    for column in columns:
        values = [metrics.get(column.key) for metrics in rows]
        labels = [column.text(value) for value in values]
        panels.append(Bars(column.title, values, labels))
    save_bar_chart(names, panels, args.chart)
    print(f'bar chart: {args.chart}', file=sys.stderr)


def main() -> None:
    """Run the tool."""
    args = parse_args()
    with user_errors():
        compare(args)


if __name__ == '__main__':
    main()
