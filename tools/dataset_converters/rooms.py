"""Render a data set of rooms in the folder layout of a real data set.

Example::

    python tools/dataset_converters/rooms.py data/rooms --layout nyud \
        --num-train 320 --num-val 48 --size 96 128 --seed 0

The same arguments give the same bytes. The folder must not exist yet, be
empty, or be the finished result of the same call.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import signal
import sys
from pathlib import Path
from types import FrameType, ModuleType

_NAME = 'mmmtl_rooms'


def _rooms_folder() -> Path:
    """The rooms package: of this checkout, else of the installed mmmtl."""
    here = Path(__file__).resolve().parents[2] / 'mmmtl'
    if not here.is_dir():
        spec = importlib.util.find_spec('mmmtl')
        if spec is None or not spec.submodule_search_locations:
            sys.exit('mmmtl is not installed: pip install -e . in its folder')
        here = Path(next(iter(spec.submodule_search_locations)))
    return here / 'datasets' / 'rooms'


def _load_rooms() -> ModuleType:
    """Load the rooms package under a name of its own.

    Importing it as a part of mmmtl would first import torch and all of mmseg,
    seconds and hundreds of megabytes for every worker process. Workers run
    this file's top level too and so find the package under the same name.
    """
    folder = _rooms_folder()
    spec = importlib.util.spec_from_file_location(
        _NAME,
        folder / '__init__.py',
        submodule_search_locations=[str(folder)],
    )
    module = importlib.util.module_from_spec(spec)
    sys.modules[_NAME] = module
    spec.loader.exec_module(module)
    return module


_load_rooms()
layouts = importlib.import_module(f'{_NAME}.layouts')
order = importlib.import_module(f'{_NAME}.order')
produce = importlib.import_module(f'{_NAME}.produce')


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description='Render rooms in the folder layout of a real data set.'
    )
    parser.add_argument('out', type=Path, help='folder to create')
    parser.add_argument('--layout', choices=layouts.LAYOUTS, default='nyud')
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

    wanted = order.Order(
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
