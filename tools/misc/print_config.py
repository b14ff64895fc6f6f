"""Prints the complete config: ``python tools/misc/print_config.py CONFIG``."""

from __future__ import annotations

import argparse
from pathlib import Path

from mmmtl.engine.errors import user_errors
from mmmtl.errors import UserError


def parse_args() -> argparse.Namespace:
    """Return the command line."""
    from mmengine.config import DictAction

    parser = argparse.ArgumentParser(
        description='Print a config with its bases and options merged'
    )
    parser.add_argument('config', help='config file')
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=DictAction,
        help='changes to the config as key=value',
    )
    parser.add_argument(
        '--out', metavar='FILE', help='write it there: .py, .json or .yml'
    )
    return parser.parse_args()


def main() -> None:
    """Run the tool."""
    args = parse_args()
    with user_errors():
        from mmmtl.engine.config import load_config
        from mmmtl.io.folders import new_file

        config = load_config(args.config, args.cfg_options)
        if args.out is None:
            print(config.pretty_text)
            return
        if Path(args.out).suffix not in ('.py', '.json', '.yml', '.yaml'):
            raise UserError(
                f'--out {args.out}: name a .py, .json or .yml file'
            )
        with new_file(args.out) as partial:
            config.dump(partial)


if __name__ == '__main__':
    main()
