"""Looks at a folder of images and labels, and writes a config for it.

Example::

    python tools/new_config.py data/bridges \
        --tasks cracks=binary materials=classes height=scalar depth \
        --out my_config.py

Where files can be read in several ways nothing is written: it lists the
choices as options to add, all at once, and ends with exit code 2.
"""

from __future__ import annotations

import argparse

from mmmtl.cli.init import init
from mmmtl.engine.errors import user_errors

_BY_TASK = {
    '--labels': ('PATTERN', "files of a task, such as 'masks/{}.png'"),
    '--encoding': ('WORD', 'what stored values mean'),
    '--no-label': ('VALUES', 'stored values that mean "no label", or nothing'),
    '--unit': ('UNIT', 'unit of a scalar task'),
    '--classes': ('NAMES', 'names of the classes, a,b,c or a file of lines'),
    '--fit': ('nearest', 'resize labels of another size than the image'),
    '--palette': ('WORD', 'what counts of palettes: colours or indices'),
}


def parse_args() -> argparse.Namespace:
    """Return the command line."""
    parser = argparse.ArgumentParser(
        description='Write a config for a folder of images and labels'
    )
    parser.add_argument('data_root', help='the data folder')
    parser.add_argument(
        '--tasks',
        nargs='+',
        required=True,
        metavar='NAME[=KIND]',
        help='tasks of the folder; the kind (classes, binary, scalar, depth, '
        'normals) may be left out for known tasks such as depth',
    )
    parser.add_argument('--method', default='demt', help='default: demt')
    parser.add_argument('--backbone', default='swin-t', help='default: swin-t')
    parser.add_argument(
        '--out', required=True, metavar='FILE.py', help='config to write'
    )
    parser.add_argument(
        '--image', metavar='PATTERN', help="such as 'rgb/{}.jpg'"
    )
    for option, (value, text) in _BY_TASK.items():
        parser.add_argument(
            option,
            nargs='+',
            action='extend',
            default=[],
            metavar=f'TASK={value}',
            help=text,
        )
    parser.add_argument(
        '--splits',
        nargs='+',
        default=[],
        metavar='SPLIT=VALUE',
        help='train=... val=...: a list of ids below the folder each, or a '
        'share each',
    )
    parser.add_argument(
        '--limit',
        type=int,
        default=200,
        help='label files of each task to open, evenly chosen; default: 200',
    )
    parser.add_argument(
        '--imports',
        nargs='+',
        default=[],
        metavar='MODULE',
        help='modules with kinds of your own, found on PYTHONPATH; the config '
        'names them, too',
    )
    return parser.parse_args()


def main() -> None:
    """Run the tool."""
    args = vars(parse_args())
    with user_errors():
        init(args.pop('data_root'), **args)


if __name__ == '__main__':
    main()
