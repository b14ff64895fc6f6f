"""Evaluates a model: ``python tools/test.py CONFIG CHECKPOINT``."""

from __future__ import annotations

import argparse

from mmmtl.engine.cli import add_common_arguments, leaving_group, parse
from mmmtl.engine.errors import user_errors


def parse_args() -> argparse.Namespace:
    """Return the command line."""
    parser = argparse.ArgumentParser(description='Evaluate a model')
    parser.add_argument('config', help='config file')
    parser.add_argument('checkpoint', help='checkpoint of that config')
    parser.add_argument(
        '--out',
        metavar='FILE.json',
        help='write the metrics there, each class too, with config, '
        "checkpoint's hash and versions",
    )
    parser.add_argument(
        '--show-dir', metavar='DIR', help='paint the predictions there'
    )
    parser.add_argument(
        '--tta', action='store_true', help='test-time augmentation'
    )
    add_common_arguments(parser)
    return parse(parser)


def test(args: argparse.Namespace) -> None:
    """Evaluate as the command line says."""
    # Imported after the command line is read: --help does not wait for them.
    from mmmtl.engine.preflight import preflight
    from mmmtl.engine.prepare import prepare_test
    from mmmtl.engine.results import write_results
    from mmmtl.engine.runner import build_runner

    config, notes = prepare_test(args)
    runner = build_runner(config, notes, trains=False)
    preflight(runner, 'test')
    metrics = runner.test()
    if args.out is not None:
        write_results(args.out, metrics, runner, args.config)


def main() -> None:
    """Run the tool."""
    args = parse_args()
    with leaving_group(), user_errors(show_traceback=args.traceback):
        test(args)


if __name__ == '__main__':
    main()
