"""Command line arguments that the train and test tools share."""

from __future__ import annotations

import argparse
import os

from mmengine.config import Config, DictAction


def add_common_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that both tools have.

    Args:
        parser: The parser of a tool.
    """
    parser.add_argument(
        '--work-dir',
        help='folder for logs and results; default: work_dirs/CONFIG_NAME',
    )
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=DictAction,
        help='changes to the config as key=value, for instance '
        'model.backbone.init_cfg=None; lists as key="[a,b]"; a key that the '
        'config does not have is refused',
    )
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


def parse(parser: argparse.ArgumentParser) -> argparse.Namespace:
    """Parse the command line and note the local rank where others look.

    Args:
        parser: The complete parser of a tool.
    """
    args = parser.parse_args()
    os.environ.setdefault('LOCAL_RANK', str(args.local_rank))
    return args


def set_work_dir(config: Config, work_dir: str | None, path: str) -> None:
    """Decide the work folder: command line, else config, else config's name.

    Args:
        config: Its ``work_dir`` is set.
        work_dir: The command line's.
        path: The config file.
    """
    name = os.path.splitext(os.path.basename(path))[0]
    config.work_dir = (
        work_dir or config.get('work_dir') or os.path.join('work_dirs', name)
    )
