"""Evaluates a model: ``python tools/test.py CONFIG CHECKPOINT``."""

from __future__ import annotations

import argparse

from mmmtl.engine.cli import add_common_arguments, leaving_group, parse
from mmmtl.engine.errors import user_errors


def parse_args() -> argparse.Namespace:
    """Return the command line."""
    parser = argparse.ArgumentParser(description='Evaluate a model')
    parser.add_argument('config', help='config file, or the name of one')
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


def main() -> None:
    """Run the tool."""
    options = vars(parse_args())
    show_traceback = options.pop('traceback')
    with leaving_group(), user_errors(show_traceback=show_traceback):
        # Imported here: --help does not wait for it.
        from mmmtl.engine.run import EvaluationOptions, run_test

        run_test(EvaluationOptions(**options))


if __name__ == '__main__':
    main()
