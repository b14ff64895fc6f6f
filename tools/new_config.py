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
from pathlib import Path

from mmmtl.engine.errors import user_errors
from mmmtl.errors import UserError
from mmmtl.io.plain_files import read_lines

_BY_TASK = {
    '--labels': ('PATTERN', "files of a task, such as 'masks/{}.png'"),
    '--encoding': ('WORD', 'what stored values mean'),
    '--no-label': ('VALUES', 'stored values that mean "no label", or nothing'),
    '--unit': ('UNIT', 'unit of a scalar task'),
    '--classes': ('NAMES', 'names of the classes, a,b,c or a file of lines'),
    '--fit': ('nearest', 'resize labels of another size than the image'),
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
    return parser.parse_args()


def write(args: argparse.Namespace) -> None:
    """Write the config that the command line asks for."""
    # Imported after the command line is read: --help does not wait for them.
    from mmmtl.datasets.inspection import (
        Answers,
        OpenQuestionsError,
        new_config,
        read_tasks,
    )

    kinds = dict(
        (name, kind or None)
        for name, _, kind in (task.partition('=') for task in args.tasks)
    )
    answers = Answers(
        image=args.image,
        labels=_pairs(args, 'labels', kinds),
        encoding=_pairs(args, 'encoding', kinds),
        no_label=_pairs(args, 'no_label', kinds),
        classes={
            task: _names(value)
            for task, value in _pairs(args, 'classes', kinds).items()
        },
        fit=_pairs(args, 'fit', kinds),
        splits=_pairs(args, 'splits', ('train', 'val')),
    )
    try:
        finding = new_config(
            args.data_root,
            read_tasks(kinds, _pairs(args, 'unit', kinds)),
            args.out,
            method=args.method,
            backbone=args.backbone,
            answers=answers,
            limit=args.limit,
        )
    except OpenQuestionsError as error:
        print('\n'.join(error.notes), flush=True)
        raise
    print('\n'.join(finding.notes))
    print(f'written to {args.out}; check it and look at it:')
    print(f'  python tools/dataset_converters/verify.py --config {args.out}')
    print(f'  python tools/analysis_tools/browse_dataset.py {args.out}')
    print(f'  python tools/train.py {args.out}')


def _pairs(
    args: argparse.Namespace, name: str, known: dict | tuple
) -> dict[str, str]:
    """Return the values of an option by what stands before the ``=``."""
    option = f'--{name.replace("_", "-")}'
    found = {}
    for text in getattr(args, name):
        key, sign, value = text.partition('=')
        if not sign or key not in known:
            raise UserError(
                f'{option} {text}: write NAME=VALUE, with a name of '
                f'{", ".join(known)}'
            )
        found[key] = value
    return found


def _names(text: str) -> list[str]:
    """Return names from a list with commas, or from the lines of a file."""
    path = Path(text)
    if path.is_file():
        return read_lines(path)
    return [name.strip() for name in text.split(',') if name.strip()]


def main() -> None:
    """Run the tool."""
    args = parse_args()
    with user_errors():
        write(args)


if __name__ == '__main__':
    main()
