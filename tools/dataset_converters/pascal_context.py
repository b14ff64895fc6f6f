"""Builds PASCAL-Context with five tasks from the official downloads.

Example::

    python tools/dataset_converters/pascal_context.py data/PASCALContext \
        --voc2010 VOCdevkit/VOC2010 --voc2012 VOCdevkit/VOC2012 \
        --context trainval --parts Annotations_Part

Normals and saliency are outputs of networks ("distilled") and exist only in
the archives of ATRC and MTI-Net: ``--distilled`` takes them from an unpacked
one; without it these tasks are left out. Every label is decoded once. The
folder appears when it is complete.
"""

from __future__ import annotations

import argparse
import signal
import sys
from pathlib import Path
from types import FrameType

from mmmtl.engine.errors import UserError, user_errors


def parse_args() -> argparse.Namespace:
    """Return the command line."""
    from mmmtl.io.workers import usable_cores

    parser = argparse.ArgumentParser(
        description='Build the layout of PASCAL-Context with five tasks'
    )
    parser.add_argument('out', type=Path, help='folder to create')
    parser.add_argument(
        '--voc2010',
        type=Path,
        required=True,
        help='VOCdevkit/VOC2010: images and splits',
    )
    parser.add_argument(
        '--voc2012',
        type=Path,
        required=True,
        help='VOCdevkit/VOC2012: its class maps come first',
    )
    parser.add_argument(
        '--context',
        type=Path,
        required=True,
        help='folder of .mat files of PASCAL-Context: edges, class maps of '
        'the other images',
    )
    parser.add_argument(
        '--parts',
        type=Path,
        required=True,
        help='Annotations_Part of PASCAL-Part: human parts',
    )
    parser.add_argument(
        '--distilled',
        type=Path,
        help='unpacked PASCALContext or PASCAL_MT archive: its '
        'normals_distill/ and sal_distill/ are copied',
    )
    parser.add_argument(
        '--workers', type=int, default=usable_cores(), help='processes'
    )
    return parser.parse_args()


def convert(args: argparse.Namespace) -> None:
    """Convert what the command line names."""
    from contextlib import ExitStack

    from mmmtl.datasets.pascal.conversion import (
        DISTILLED,
        PascalContextSource,
    )
    from mmmtl.datasets.pascal.conversion import (
        convert as convert_pascal_context,
    )
    from mmmtl.io.workers import progress

    source = PascalContextSource(
        voc2010=args.voc2010,
        voc2012=args.voc2012,
        context=args.context,
        parts=args.parts,
        distilled=args.distilled,
    )
    with ExitStack() as stack:
        try:
            counts = convert_pascal_context(
                source,
                args.out,
                workers=args.workers,
                progress=lambda total: stack.enter_context(
                    progress('images', total)
                ),
            )
        except FileExistsError as error:
            raise UserError(str(error)) from error
    listing = ', '.join(f'{n} {split}' for split, n in counts.items())
    print(f'{listing} images written to {args.out}')
    absent = sorted(set(DISTILLED) - set(source.distilled_tasks()))
    if absent:
        print(
            f'left out: {" and ".join(absent)}, outputs of networks that '
            'only the published archives hold (--distilled). Train with '
            f'tasks {list(source.tasks())}'
        )


def _stop(signal_number: int, frame: FrameType | None) -> None:
    sys.exit(128 + signal_number)  # unwinds, so that the clean-up runs


def main() -> None:
    """Run the tool."""
    args = parse_args()
    signal.signal(signal.SIGTERM, _stop)
    try:
        with user_errors():
            convert(args)
    except KeyboardInterrupt:
        print(
            'pascal_context.py: stopped, nothing was written', file=sys.stderr
        )
        sys.exit(130)


if __name__ == '__main__':
    main()
