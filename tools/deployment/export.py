"""Exports a model: ``python tools/deployment/export.py CONFIG WEIGHTS ...``.

Example::

    python tools/deployment/export.py \
        configs/demt/demt_efficientnet-lite0_rooms.py \
        work_dirs/rooms/iter_600.pth --out rooms.onnx --images photographs

``docs/deployment.md`` says what the file holds and what runs it.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from mmmtl.cli.export import export
from mmmtl.engine.errors import user_errors


def parse_args() -> argparse.Namespace:
    """Return the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add('config', help='config file, or a model that comes with mmmtl')
    add(
        'weights',
        nargs='?',
        help='checkpoint; none for random weights, for trials; left out for '
        'a model that has its own',
    )
    add(
        '--out',
        type=Path,
        metavar='FILE',
        required=True,
        help='the file to write',
    )
    add(
        '--format',
        choices=['onnx', 'torch-export', 'torchscript'],
        default='onnx',
    )
    add(
        '--size',
        nargs=2,
        type=int,
        metavar=('H', 'W'),
        help='of the pictures; default: any, where model and test pipeline '
        'allow it',
    )
    add(
        '--images',
        metavar='PATH',
        nargs='+',
        help='pictures or folders that the file is checked on; default: '
        'rendered rooms',
    )
    add(
        '--samples',
        type=int,
        default=0,
        metavar='N',
        help="compare the metrics on so many of the config's test data, too",
    )
    add(
        '--int8',
        action='store_true',
        help='eight bits, calibrated on the --images (onnx only)',
    )
    add('--cfg-options', nargs='+', default=[], metavar='KEY=VALUE')
    add(
        '--trust-remote-code',
        action='store_true',
        help='run what a config beside the weights asks for',
    )
    add('--traceback', action='store_true', help='of an error, whole')
    return parser.parse_args()


def main() -> None:
    """Run the tool."""
    args = vars(parse_args())
    with user_errors(show_traceback=args.pop('traceback')):
        args['size'] = args['size'] and tuple(args['size'])
        export(
            args.pop('config'),
            args.pop('weights'),
            **{name: value for name, value in args.items() if value},
        )


if __name__ == '__main__':
    main()
