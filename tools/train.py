"""Trains a model: ``python tools/train.py CONFIG``."""

from __future__ import annotations

import argparse

from mmmtl.engine.cli import add_common_arguments, leaving_group, parse
from mmmtl.engine.errors import user_errors


def parse_args() -> argparse.Namespace:
    """Return the command line."""
    parser = argparse.ArgumentParser(description='Train a multi-task model')
    parser.add_argument('config', help='config file')
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
    add_common_arguments(parser)
    return parse(parser)


def train(args: argparse.Namespace) -> None:
    """Train as the command line says."""
    # Imported after the command line is read: --help does not wait for them.
    from mmmtl.engine.preflight import preflight
    from mmmtl.engine.prepare import prepare_training
    from mmmtl.engine.runner import build_runner
    from mmmtl.engine.work_dir import alone_in, checkpoint_folder

    config, notes = prepare_training(args)
    with alone_in(config.work_dir, checkpoint_folder(config)):
        runner = build_runner(config, notes)
        preflight(runner, 'train')
        runner.train()


def main() -> None:
    """Run the tool."""
    args = parse_args()
    with leaving_group(), user_errors(show_traceback=args.traceback):
        train(args)


if __name__ == '__main__':
    main()
