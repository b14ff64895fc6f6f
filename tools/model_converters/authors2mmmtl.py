"""Convert a checkpoint of a method's released code into ours.

Example:
    python tools/model_converters/authors2mmmtl.py demt demt.ckpt demt.pth
"""

from __future__ import annotations

import argparse
from pathlib import Path

from mmengine.runner import save_checkpoint

from mmmtl import __version__
from mmmtl.converters import CONVERTERS, READERS
from mmmtl.engine.errors import user_errors
from mmmtl.errors import UserError
from mmmtl.io.folders import check_out, new_file


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('method', choices=sorted(CONVERTERS))
    parser.add_argument('src', type=Path, help="the authors' checkpoint")
    parser.add_argument('dst', type=Path, help='the file to write (.pth)')
    return parser.parse_args()


def main() -> None:
    """Convert one file."""
    args = parse_args()
    with user_errors():
        if args.dst.exists():
            raise UserError(
                f'{args.dst} exists: remove it or choose another name'
            )
        check_out('DST', args.dst)
        state = READERS[args.method](args.src)
        try:
            converted, settings = CONVERTERS[args.method](state)
        except ValueError as error:
            raise UserError(f'{args.src}: {error}') from error
        meta = dict(
            mmmtl_version=__version__,
            converted_from=args.method,
            config_settings=settings,
        )
        with new_file(args.dst) as partial:
            content = dict(state_dict=converted, meta=meta)
            save_checkpoint(content, str(partial))
        print(
            f'{args.dst}: {len(converted)} tensors from {len(state)}. Use it '
            'with a config that has '
            + ', '.join(
                f'{key}={show(value)}' for key, value in settings.items()
            )
        )


def show(value: str | list[str]) -> str:
    """Write a setting; of a list the order counts."""
    if isinstance(value, str):
        return value
    return f'({", ".join(value)}), in this order'


if __name__ == '__main__':
    main()
