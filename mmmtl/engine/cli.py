"""Command line arguments that the train and test tools share.

Nothing heavy is imported here, so that ``--help`` answers at once.
"""

from __future__ import annotations

import argparse
import os
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager


def add_common_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that both tools have."""
    parser.add_argument(
        '--data',
        metavar='DIR',
        help="folder of the data, in the place of the config's",
    )
    parser.add_argument(
        '--work-dir',
        help='folder for logs and results; default: work_dirs/CONFIG_NAME',
    )
    add_cfg_options(parser)
    parser.add_argument(
        '--launcher',
        choices=['none', 'pytorch', 'slurm', 'mpi'],
        default='none',
        help='who starts the processes; the dist_*.sh and slurm_*.sh '
        'scripts set it',
    )
    parser.add_argument(
        '--traceback',
        action='store_true',
        help='show the whole traceback of an error',
    )
    # torch.distributed.launch passes it; torchrun sets the variable.
    parser.add_argument(
        '--local_rank',
        '--local-rank',
        type=int,
        default=0,
        help=argparse.SUPPRESS,
    )


def add_cfg_options(parser: argparse.ArgumentParser) -> None:
    """Add ``--cfg-options``, for ``parse_options`` of ``engine.config``."""
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action='extend',
        default=[],
        metavar='KEY=VALUE',
        help='changes to the config, for instance '
        'model.backbone.init_cfg=None; lists as key="[a,b]"; a key that '
        'nobody would read is refused',
    )


def parse(parser: argparse.ArgumentParser) -> argparse.Namespace:
    """Parse the command line and note the local rank where others look."""
    args = vars(parser.parse_args())
    os.environ.setdefault('LOCAL_RANK', str(args.pop('local_rank')))
    return argparse.Namespace(**args)


@contextmanager
def leaving_group() -> Iterator[None]:
    """Leave the process group in the end, if one was joined.

    For the outermost place of a tool, behind whatever looks into the frames
    of an error.
    """
    try:
        yield
    except BaseException as error:
        # Communicators of GPUs would wait for ranks that wait for this one.
        if _group_is('gloo'):
            _forget_frames(error)
            _leave()
        raise
    else:
        _leave()


def _forget_frames(error: BaseException | None) -> None:
    """Let go of what an error refers to: the runner, for one."""
    if error is not None:
        traceback.clear_frames(error.__traceback__)
        for other in {error.__cause__, error.__context__}:
            _forget_frames(other)


def _group_is(backend: str) -> bool:
    group = sys.modules.get('torch.distributed')
    return bool(
        group and group.is_initialized() and group.get_backend() == backend
    )


def _leave() -> None:
    if distributed := sys.modules.get('mmmtl.engine.distributed'):
        distributed.stop_distributed()
