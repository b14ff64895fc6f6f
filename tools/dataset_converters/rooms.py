"""Render a data set of rooms in the folder layout of a real data set.

Example::

    python tools/dataset_converters/rooms.py data/rooms --layout nyud \
        --num-train 320 --num-val 48 --size 96 128 --seed 0

The same arguments give the same bytes. The folder must not exist yet, be
empty, or be the finished result of the same call.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
from pathlib import Path
from types import FrameType

from mmmtl.datasets.room_layouts import LAYOUTS, order_rooms
from mmmtl.rooms import produce


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
        '--workers',
        type=int,
        default=_usable_cores(),
        help='processes; the result does not depend on it',
    )
    return parser.parse_args()


def _usable_cores() -> int:
    if hasattr(os, 'sched_getaffinity'):  # Linux: the cores we may use
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def render(args: argparse.Namespace) -> None:
    """Render what the command line asks for, showing progress."""
    # Here, not at the top: workers run the top level and show nothing.
    from rich.progress import MofNCompleteColumn, Progress, TimeElapsedColumn

    wanted = order_rooms(
        layout=args.layout,
        num_train=args.num_train,
        num_val=args.num_val,
        height=args.size[0],
        width=args.size[1],
        seed=args.seed,
    )
    if produce.is_done(wanted, args.out):
        print(f'{args.out} already holds exactly these rooms: nothing to do')
        return
    columns = Progress.get_default_columns()
    with Progress(*columns, MofNCompleteColumn(), TimeElapsedColumn()) as bar:
        task = bar.add_task('rooms', total=wanted.total)
        produce.produce(
            wanted,
            args.out,
            workers=args.workers,
            on_room=lambda: bar.advance(task),
        )
    print(f'{wanted.total} rooms written to {args.out}')


def _stop(signal_number: int, frame: FrameType | None) -> None:
    sys.exit(128 + signal_number)  # unwinds, so that the clean-up runs


def main() -> int:
    """Run the tool and return its exit code."""
    args = parse_args()
    signal.signal(signal.SIGTERM, _stop)
    try:
        render(args)
    except (ValueError, OSError) as error:
        print(f'rooms.py: {error}', file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print('rooms.py: stopped, nothing was written', file=sys.stderr)
        return 130
    return 0


if __name__ == '__main__':
    sys.exit(main())
