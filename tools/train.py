"""Trains a model: ``python tools/train.py CONFIG``."""

from __future__ import annotations

import argparse
from typing import get_args

from mmmtl.engine.cli import add_common_arguments, leaving_group, parse
from mmmtl.engine.errors import user_errors
from mmmtl.engine.tracking import Tracker


def parse_args() -> argparse.Namespace:
    """Return the command line."""
    parser = argparse.ArgumentParser(description='Train a multi-task model')
    parser.add_argument('config', help='config file, or the name of one')
    parser.add_argument(
        '--resume',
        nargs='?',
        const='auto',
        metavar='CHECKPOINT',
        help='go on from the latest checkpoint in the work folder, or from '
        'the one given',
    )
    parser.add_argument(
        '--resume-changed',
        action='store_true',
        help='go on although options differ from those of the checkpoint; '
        'they are listed',
    )
    parser.add_argument(
        '--amp',
        action='store_true',
        help='mixed precision: float16 on a GPU, bfloat16 elsewhere',
    )
    parser.add_argument(
        '--total-batch',
        type=int,
        metavar='N',
        help='samples per optimizer step over all processes, reached by '
        'accumulating; the numbers of the config go on counting optimizer '
        'steps',
    )
    parser.add_argument('--seed', type=int, help='seed of all randomness')
    parser.add_argument(
        '--vis',
        choices=get_args(Tracker),
        help='show the training in this program, too',
    )
    add_common_arguments(parser)
    return parse(parser)


def main() -> None:
    """Run the tool."""
    options = vars(parse_args())
    show_traceback = options.pop('traceback')
    with leaving_group(), user_errors(show_traceback=show_traceback):
        # Imported here: --help does not wait for it.
        from mmmtl.engine.run import TrainingOptions, run_training

        run_training(TrainingOptions(**options))


if __name__ == '__main__':
    main()
