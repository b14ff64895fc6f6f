"""Render a data set of rooms in the folder layout of a real data set.

Example::

    python tools/dataset_converters/rooms.py data/rooms --layout nyud \
        --num-train 320 --num-val 48 --size 96 128 --seed 0

The same arguments give the same bytes. The folder must not exist yet, be
empty, or be the finished result of the same call.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from mmmtl.datasets.room_layouts import LAYOUTS, order_rooms
from mmmtl.io.folders import stoppable
from mmmtl.io.workers import usable_cores
from mmmtl.rooms.produce import produce


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description='Render rooms in the folder layout of a real data set.'
    )
    parser.add_argument('out', type=Path, help='folder to create')
    parser.add_argument('--layout', choices=LAYOUTS, default='nyud')
    parser.add_argument('--num-train', type=int, required=True)
    parser.add_argument('--num-val', type=int, required=True)
    parser.add_argument(
        '--size',
        type=int,
        nargs=2,
        default=(128, 160),
        metavar=('H', 'W'),
        help='rows and columns of the pictures',
    )
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument(
        '--varied',
        action='store_true',
        help='other rooms, out of wider ranges of shapes, colours, lights, '
        'cameras and films: for models that are to see photographs',
    )
    parser.add_argument(
        '--workers',
        type=int,
        default=usable_cores(),
        help='processes; the result does not depend on it',
    )
    return parser.parse_args()


def render(args: argparse.Namespace) -> None:
    """Render what the command line asks for, showing progress."""
    wanted = order_rooms(
        layout=args.layout,
        num_train=args.num_train,
        num_val=args.num_val,
        height=args.size[0],
        width=args.size[1],
        seed=args.seed,
        varied=args.varied,
    )
    if produce(wanted, args.out, workers=args.workers, bar=True):
        print(f'{wanted.total} rooms written to {args.out}')
    else:
        print(f'{args.out} already holds exactly these rooms: nothing to do')


def main() -> int:
    """Run the tool and return its exit code."""
    args = parse_args()
    try:
        with stoppable('rooms.py'):
            render(args)
    except (ValueError, OSError) as error:
        print(f'rooms.py: {error}', file=sys.stderr)
        return 1
    return 0


if __name__ == '__main__':
    sys.exit(main())
