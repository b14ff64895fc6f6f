"""Render a data set of rooms in the folder layout of a real data set.

Example::

    python tools/dataset_converters/rooms.py data/rooms --layout nyud \
        --num-train 320 --num-val 48 --size 96 128 --seed 0

The same arguments give the same bytes. The folder must not exist yet, be
empty, or be the finished result of the same call.

With ``--clip`` the pictures are the frames of one room seen by a moving
camera, and ``poses.json`` holds where it was::

    python tools/dataset_converters/rooms.py data/clip --layout all_tasks \
        --clip 48 --size 192 256 --mp4
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from mmmtl.datasets.room_layouts import LAYOUTS, order_rooms
from mmmtl.io.folders import stoppable
from mmmtl.io.workers import usable_cores
from mmmtl.rooms.produce import Clip, produce

_FRAMES_PER_SECOND = 24


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description='Render rooms in the folder layout of a real data set.'
    )
    parser.add_argument('out', type=Path, help='folder to create')
    parser.add_argument('--layout', choices=LAYOUTS, default='nyud')
    parser.add_argument('--num-train', type=int, default=0)
    parser.add_argument('--num-val', type=int, default=0)
    parser.add_argument(
        '--clip',
        type=int,
        metavar='N',
        help='N frames of one room, seen by a moving camera, as validation '
        'data',
    )
    parser.add_argument(
        '--motion',
        type=float,
        help='factor of its motion; 0 stands still (default: 1)',
    )
    parser.add_argument(
        '--grain',
        action='store_true',
        help='each frame of a clip has noise of its own',
    )
    parser.add_argument(
        '--mp4',
        action='store_true',
        help='write a clip as a film, too, beside its folder',
    )
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
    args = parser.parse_args()
    if args.clip is None and (
        args.mp4 or args.grain or args.motion is not None
    ):
        parser.error('--motion, --grain and --mp4 are for a --clip')
    if args.clip is not None and args.num_train + args.num_val:
        parser.error('--clip takes the place of --num-train and --num-val')
    return args


def render(args: argparse.Namespace) -> None:
    """Render what the command line asks for, showing progress."""
    motion = 1.0 if args.motion is None else args.motion
    wanted = order_rooms(
        layout=args.layout,
        num_train=args.num_train,
        num_val=args.num_val if args.clip is None else args.clip,
        height=args.size[0],
        width=args.size[1],
        seed=args.seed,
        varied=args.varied,
        clip=None if args.clip is None else Clip(motion, args.grain),
    )
    if produce(wanted, args.out, workers=args.workers, bar=True):
        print(f'{wanted.total} rooms written to {args.out}')
    else:
        print(f'{args.out} already holds exactly these rooms: nothing to do')
    if args.mp4:
        _, ids = wanted.ids()
        pictures = [args.out / wanted.layout.paths(name)[0] for name in ids]
        target = args.out.with_name(f'{args.out.name}.mp4')
        write_film(pictures, target)
        print(f'film: {target}')


def write_film(pictures: list[Path], target: Path) -> None:
    """Write pictures as the frames of a film."""
    import numpy as np
    from PIL import Image

    from mmmtl.io.video import new_video

    with new_video(target, _FRAMES_PER_SECOND) as write:
        for path in pictures:
            write(np.asarray(Image.open(path)))


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
