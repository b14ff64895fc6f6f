"""Prints the complete config: ``python tools/misc/print_config.py CONFIG``."""

from __future__ import annotations

import argparse

from mmmtl.engine.cli import add_cfg_options
from mmmtl.engine.errors import user_errors


def parse_args() -> argparse.Namespace:
    """Return the command line."""
    parser = argparse.ArgumentParser(
        description='Print a config with its bases and options merged'
    )
    parser.add_argument('config', help='config file')
    add_cfg_options(parser)
    parser.add_argument(
        '--out', metavar='FILE', help='write it there: .py, .json or .yml'
    )
    return parser.parse_args()


def main() -> None:
    """Run the tool."""
    args = parse_args()
    with user_errors():
        from mmmtl.engine.config import load_config, parse_options
        from mmmtl.io.folders import check_out, new_file

        if args.out is not None:
            check_out('--out', args.out, '.py', '.json', '.yml', '.yaml')
        config = load_config(args.config, parse_options(args.cfg_options))
        if args.out is None:
            print(config.pretty_text)
            return
        with new_file(args.out) as partial:
            config.dump(partial)


if __name__ == '__main__':
    main()
