"""Opens every file of a data folder and says what is wrong with it.

Example::

    python tools/dataset_converters/verify.py data/NYUDv2 --dataset nyud
    python tools/dataset_converters/verify.py --config my_config.py

Exit code 0: nothing is wrong; 1: something is; 2: the command is.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from mmmtl.cli.check import check
from mmmtl.datasets.verification.known_sets import KNOWN_SETS
from mmmtl.engine.errors import user_errors
from mmmtl.io.workers import usable_cores


def parse_args() -> argparse.Namespace:
    """Return the command line."""
    parser = argparse.ArgumentParser(
        description='Open every file of a data folder and judge it'
    )
    parser.add_argument(
        'data_root', type=Path, nargs='?', help='the data folder'
    )
    parser.add_argument(
        '--config',
        help='instead of a folder and --dataset: a config, all data sets of '
        'which are verified',
    )
    parser.add_argument(
        '--dataset',
        metavar='NAME',
        help=f'how it is written: {", ".join(KNOWN_SETS)}; or rooms, for '
        'rendered rooms in any layout',
    )
    parser.add_argument(
        '--split',
        nargs='+',
        help='splits to look at; default: those of the data set',
    )
    parser.add_argument(
        '--tasks',
        nargs='+',
        help='tasks whose labels must be there; default: all the data set has',
    )
    parser.add_argument(
        '--options',
        nargs='+',
        default=[],
        metavar='KEY=VALUE',
        help='further arguments of the data set, as in a config, for '
        'instance layout=multimae',
    )
    parser.add_argument(
        '--workers', type=int, default=usable_cores(), help='processes'
    )
    parser.add_argument(
        '--out',
        type=Path,
        metavar='FILE.json',
        help='write all findings and statistics there',
    )
    args = parser.parse_args()
    by_name = args.data_root is not None and args.dataset is not None
    neither = args.data_root is None and args.dataset is None
    if not (neither if args.config else by_name):
        parser.error('give DATA_ROOT and --dataset NAME, or --config FILE')
    return args


def main() -> None:
    """Run the tool."""
    args = vars(parse_args())
    code = 0
    try:
        with user_errors():
            code = check(args.pop('data_root'), **args)
    except KeyboardInterrupt:
        print('verify.py: stopped', file=sys.stderr)
        sys.exit(130)
    sys.exit(code)


if __name__ == '__main__':
    main()
