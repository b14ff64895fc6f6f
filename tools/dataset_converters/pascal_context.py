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
from pathlib import Path

from mmmtl.engine.errors import user_errors
from mmmtl.io.folders import stoppable
from mmmtl.io.workers import usable_cores


def parse_args() -> argparse.Namespace:
    """Return the command line."""
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
    from mmmtl.datasets.pascal import conversion

    source = conversion.PascalContextSource(
        voc2010=args.voc2010,
        voc2012=args.voc2012,
        context=args.context,
        parts=args.parts,
        distilled=args.distilled,
    )
    counts = conversion.convert(
        source, args.out, workers=args.workers, bar=True
    )
    listing = ', '.join(f'{n} {split}' for split, n in counts.items())
    print(f'{listing} images written to {args.out}')
    absent = sorted(set(conversion.DISTILLED) - set(source.distilled_tasks()))
    if absent:
        print(
            f'left out: {" and ".join(absent)}, outputs of networks that '
            'only the published archives hold (--distilled). Train with '
            f'tasks {list(source.tasks())}'
        )


if __name__ == '__main__':
    arguments = parse_args()
    with stoppable('pascal_context.py'), user_errors():
        convert(arguments)
