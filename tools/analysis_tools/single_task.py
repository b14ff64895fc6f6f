"""Trains or collects the single-task runs that ``delta_m`` is relative to.

``python tools/analysis_tools/single_task.py CONFIG --out single_task.json``
reduces the config to one task at a time, trains and evaluates each in its own
folder, and stores their primary metrics. A task that has results in its
folder is not trained again, so an interrupted command can be repeated.
Then ``--cfg-options test_evaluator.single_task=single_task.json`` of the test
tool adds ``delta_m``.

``--print TASK`` prints the config of one task instead, to read it or to train
it with tools/train.py.

``--plain-head`` replaces the method's neck and head, for methods that need
several tasks; ``--optimizer`` replaces the optimizer of the config.
configs/sca/README.md has the commands of a published recipe.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import Any

# Also when this file is loaded from elsewhere, as by its test.
sys.path[:0] = [str(Path(__file__).resolve().parent)]

from runs import train_and_test  # noqa: E402

from mmmtl.engine.cli import add_cfg_options  # noqa: E402
from mmmtl.engine.errors import user_errors  # noqa: E402
from mmmtl.errors import UserError  # noqa: E402


def parse_args() -> argparse.Namespace:
    """Return the command line."""
    parser = argparse.ArgumentParser(
        description='Train or collect the single-task runs of a config'
    )
    parser.add_argument('config', help='config of a multi-task model')
    result = parser.add_mutually_exclusive_group(required=True)
    result.add_argument(
        '--out', metavar='FILE.json', help='write the results there'
    )
    result.add_argument(
        '--print',
        metavar='TASK',
        dest='print_task',
        help='print the config of this task, train nothing',
    )
    parser.add_argument(
        '--work-dir',
        help='one folder per task below it; default: '
        'work_dirs/CONFIG_NAME-single',
    )
    parser.add_argument(
        '--tasks', nargs='+', help='only these; default: all that count'
    )
    parser.add_argument(
        '--results',
        nargs='+',
        default=[],
        metavar='TASK=FILE.json',
        help='use these results of tools/test.py --out instead of training',
    )
    parser.add_argument('--collect', action='store_true', help='train nothing')
    parser.add_argument(
        '--processes', type=int, default=1, help='per run, one per GPU'
    )
    parser.add_argument(
        '--total-batch', type=int, help='handed to the train tool'
    )
    parser.add_argument(
        '--plain-head',
        action='store_true',
        help="replace the config's neck and head by a plain head "
        '(concatenated levels, two 1x1 convolutions)',
    )
    parser.add_argument(
        '--optimizer',
        nargs='+',
        metavar=('TYPE', 'KEY=VALUE'),
        help="replace the config's optimizer: SGD lr=0.01 momentum=0.9",
    )
    add_cfg_options(parser)
    return parser.parse_args()


def given_results(pairs: list[str], tasks: list[str]) -> dict[str, Path]:
    """Read ``TASK=FILE`` pairs."""
    found = {}
    for pair in pairs:
        task, _, file = pair.partition('=')
        if task not in tasks or not file:
            raise UserError(
                f'--results {pair}: write TASK=FILE.json with a task among '
                f'{tasks}'
            )
        found[task] = Path(file)
    return found


def change_model(config: Any, args: argparse.Namespace) -> Any:
    """Return the config with the options that ask for another recipe."""
    from mmmtl.engine.config import parse_options
    from mmmtl.engine.single_task_config import plain_head_config

    if args.plain_head:
        config = plain_head_config(config)
    if args.optimizer:
        kind, *pairs = args.optimizer
        values = parse_options(pairs, f'--optimizer {kind}')
        config.optim_wrapper.optimizer = dict(type=kind, **values)
    return config


def collect(args: argparse.Namespace) -> None:
    """Do as the command line says."""
    from mmmtl.engine.config import load_config, parse_options
    from mmmtl.engine.results import (
        check_only_task,
        primary_value,
        read_results,
    )
    from mmmtl.engine.single_task_config import (
        comparable_tasks,
        primary_changes,
        single_task_config,
    )
    from mmmtl.evaluation import primary_key
    from mmmtl.io.folders import check_out
    from mmmtl.io.json_file import write_json

    if not args.print_task:
        check_out('--out', args.out, '.json')
    config = load_config(args.config, parse_options(args.cfg_options))
    config = change_model(config, args)
    if args.print_task:
        single = single_task_config(config, args.print_task)
        print(single.pretty_text, end='')
        return
    tasks, others = comparable_tasks(config)
    if others:
        print(
            f'left out, their primary metric is not measured: {others}',
            flush=True,
        )
    unknown = [task for task in args.tasks or () if task not in tasks]
    if unknown:
        raise UserError(f'--tasks {unknown}: choose among {tasks}')
    name = f'{Path(args.config).stem}-single'
    root = Path(args.work_dir or os.path.join('work_dirs', name))
    given = given_results(args.results, tasks)
    primary = primary_changes(config)
    values, sources = {}, {}
    for task in args.tasks or tasks:
        file = given.get(task) or train_and_test(
            single_task_config(config, task),
            root / task,
            processes=args.processes,
            total_batch=args.total_batch,
            collect=args.collect,
        )
        results = read_results(file)
        check_only_task(results, task, file)
        values[task] = primary_value(results, task, file, primary)
        sources[task] = {'file': str(file), **results}
    write_json(
        args.out,
        {
            'single_task': values,
            'primary': {
                task: primary_key(task, primary).partition('/')[2]
                for task in values
            },
            'config': args.config,
            'runs': sources,
        },
    )
    for task, value in values.items():
        print(f'{task}: {value:.4f}')


def main() -> None:
    """Run the tool."""
    args = parse_args()
    with user_errors():
        collect(args)


if __name__ == '__main__':
    main()
