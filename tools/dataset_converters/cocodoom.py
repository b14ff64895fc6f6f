"""Build Taskonomy's layout from the full archive of CocoDoom.

Example::

    python tools/dataset_converters/cocodoom.py cocodoom data/cocodoom

Needs cocodoom-full-v1.0.tar.gz, unpacked: the small archive has no depth. Its
lists name all frames, of which every 5th (train) and 20th (val, test) are
taken; where cocodoom-v1.0.tar.gz is unpacked into the same folder, the frames
of its lists are. Normals, reshading, key points and edges are derived, see
mmmtl/datasets/taskonomy/cocodoom_conversion.py. The folder appears when it is
complete.
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
        description="Build Taskonomy's layout from CocoDoom"
    )
    parser.add_argument(
        'source',
        type=Path,
        help='cocodoom-full-v1.0.tar.gz, unpacked; with or without '
        'cocodoom-v1.0.tar.gz in the same folder, whose lists then count',
    )
    parser.add_argument('out', type=Path, help='folder to create')
    parser.add_argument(
        '--split-by',
        choices=('run', 'map'),
        default='run',
        help='the published division: by play, or by level',
    )
    parser.add_argument(
        '--full',
        action='store_true',
        help='all frames, not every 5th (train) and 20th (val, test)',
    )
    parser.add_argument(
        '--workers', type=int, default=usable_cores(), help='processes'
    )
    return parser.parse_args()


def convert(args: argparse.Namespace) -> None:
    """Convert what the command line names."""
    from mmmtl.datasets.taskonomy import cocodoom_conversion as cocodoom

    source = cocodoom.CocoDoomSource(
        args.source, split_by=args.split_by, full=args.full
    )
    counts = cocodoom.convert(source, args.out, workers=args.workers, bar=True)
    for split in counts:
        path, every = source.frame_list(split)
        which = f'one frame in {every}' if every > 1 else 'all frames'
        print(f'{split}: {which} of {path.name}')
    listing = ', '.join(f'{n} {split}' for split, n in counts.items())
    print(f'{listing} images written to {args.out}')


if __name__ == '__main__':
    arguments = parse_args()
    with stoppable('cocodoom.py'), user_errors():
        convert(arguments)
