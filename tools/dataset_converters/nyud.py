"""Builds the NYUDv2 or NYUD_MT layout from the official labelled set.

Example::

    python tools/dataset_converters/nyud.py nyu_depth_v2_labeled.mat \
        data/NYUDv2 --splits splits.mat --classes classMapping40.mat

Normals are computed from the measured depth, or taken from the maps of
Ladicky et al. with ``--normals-dir``. Boundaries are derived from the
annotated objects: good for training, not the maps that published boundary
scores are measured on (docs/data.md). ``--layout nyud-mt`` writes JPEG images
and arrays, for ``NYUDMTDataset``, in place of PNG files. The folder appears
when it is complete.
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
        description='Build the NYUDv2 or NYUD_MT layout from the official '
        'labelled set'
    )
    parser.add_argument(
        'labeled', type=Path, help='nyu_depth_v2_labeled.mat (2.8 GB)'
    )
    parser.add_argument('out', type=Path, help='folder to create')
    parser.add_argument(
        '--splits', type=Path, required=True, help='splits.mat'
    )
    parser.add_argument(
        '--classes', type=Path, required=True, help='classMapping40.mat'
    )
    parser.add_argument(
        '--layout',
        choices=['nyud', 'nyud-mt'],
        default='nyud',
        help='nyud: for NYUDv2Dataset; nyud-mt: for NYUDMTDataset '
        '(images/<id>.jpg, edge/ and normals/<id>.npy); default: nyud',
    )
    parser.add_argument(
        '--normals-dir',
        type=Path,
        help='unpacked normals of Ladicky et al., with train/ and test/; '
        'default: compute normals from depth',
    )
    parser.add_argument(
        '--raw-depth',
        action='store_true',
        help='store the measured depth, 0 in its holes; default: in-painted',
    )
    parser.add_argument(
        '--full-frame',
        action='store_true',
        help='keep all 480x640 pixels; default: the 425x560 of the benchmarks',
    )
    parser.add_argument(
        '--workers', type=int, default=usable_cores(), help='processes'
    )
    return parser.parse_args()


def convert(args: argparse.Namespace) -> None:
    """Convert what the command line names."""
    from mmmtl.datasets.nyud import conversion

    source = conversion.NYUDSource(
        labeled=args.labeled,
        splits=args.splits,
        classes=args.classes,
        normals_dir=args.normals_dir,
        raw_depth=args.raw_depth,
        layout=args.layout,
        full_frame=args.full_frame,
    )
    counts = conversion.convert(
        source, args.out, workers=args.workers, bar=True
    )
    listing = ', '.join(f'{n} {split}' for split, n in counts.items())
    print(f'{listing} frames written to {args.out}')


if __name__ == '__main__':
    arguments = parse_args()
    with stoppable('nyud.py'), user_errors():
        convert(arguments)
