"""Several processes, on GPUs or on a machine without any.

mmengine's start-up assumes GPUs: it selects a CUDA device, hands device ids
to DDP, and keeps SyncBatchNorm, which refuses CPU tensors. On a machine
without an accelerator the functions here start gloo instead and change the
config accordingly, so that distribution can be tried everywhere.
"""

from __future__ import annotations

import datetime
import os
import subprocess
from collections.abc import Mapping
from typing import Any, Literal

import torch
from mmengine.config import Config
from mmengine.device import get_device
from mmengine.dist import init_dist
from mmengine.utils.dl_utils import set_multi_processing
from torch import distributed as dist

from mmmtl.engine.config_paths import walk_dicts
from mmmtl.engine.user_errors import UserError

Launcher = Literal['none', 'pytorch', 'slurm', 'mpi']
SYNC_NORMS = ('SyncBN', 'MMSyncBN')


def start_distributed(config: Config, launcher: Launcher) -> list[str]:
    """Join the process group of a launcher and fit the config to the machine.

    Args:
        config: Its ``launcher`` is set; without an accelerator, its norm
            layers and its DDP wrapper are changed.
        launcher: Who started this process; ``none`` for a single one.

    Returns:
        What was changed in the config, to be logged.
    """
    config.launcher = launcher
    if launcher == 'none':
        return []
    env_cfg = config.get('env_cfg') or {}
    set_multi_processing(**env_cfg.get('mp_cfg', {}), distributed=True)
    dist_cfg = dict(env_cfg.get('dist_cfg', {}))
    if get_device() == 'cpu':
        _start_gloo(launcher, dist_cfg)
        return fit_to_cpu(config)
    _check_devices()
    if not dist.is_initialized():
        init_dist(launcher, **dist_cfg)
    return []


def stop_distributed() -> None:
    """Leave the process group, if there is one."""
    if dist.is_initialized():
        dist.destroy_process_group()


def world_size() -> int:
    """Return the number of processes of this run."""
    return dist.get_world_size() if dist.is_initialized() else 1


def raise_together(error: Exception | None) -> None:
    """Raise in every process what went wrong in any of them.

    A process that fails alone leaves the others waiting until the time-out.

    Args:
        error: What went wrong in this process, None if all is well.
    """
    if world_size() == 1:
        if error is not None:
            raise error
        return
    texts: list[str | None] = [None] * world_size()
    dist.all_gather_object(texts, None if error is None else str(error))
    if error is not None:
        raise error
    for text in texts:
        if text is not None:
            raise UserError(text)


def fit_to_cpu(config: Config) -> list[str]:
    """Make a config train on several CPU processes.

    Args:
        config: Changed in place.

    Returns:
        One line per change.
    """
    notes = ['no accelerator found: the processes talk through gloo']
    replaced = 0
    for _, node in walk_dicts(config.model):
        if node.get('type') in SYNC_NORMS:
            node['type'] = 'BN'
            replaced += 1
    if config.get('sync_bn') is not None:
        config.sync_bn = None
        replaced += 1
    if replaced:
        notes.append(
            'SyncBN needs an accelerator: replaced by BN, so each process '
            'normalises with the statistics of its own samples'
        )
    wrapper = dict(config.get('model_wrapper_cfg') or {})
    wrapper.setdefault('type', 'MMDistributedDataParallel')
    wrapper.setdefault(
        'find_unused_parameters', config.get('find_unused_parameters', False)
    )
    # DDP wants no device ids for a module on the CPU.
    wrapper['device_ids'] = None
    config.model_wrapper_cfg = wrapper
    return notes


def _start_gloo(launcher: Launcher, dist_cfg: Mapping[str, Any]) -> None:
    if dist.is_initialized():
        return
    if launcher == 'slurm':
        _export_slurm(dist_cfg.get('port'))
    elif launcher == 'mpi':
        _export_mpi()
    needed = ('RANK', 'WORLD_SIZE', 'MASTER_ADDR', 'MASTER_PORT')
    absent = [name for name in needed if name not in os.environ]
    if absent:
        raise UserError(
            f'--launcher {launcher}: {", ".join(absent)} not set in the '
            'environment; start through tools/dist_train.sh, or leave '
            '--launcher out for one process'
        )
    more = {}
    if dist_cfg.get('timeout') is not None:
        more['timeout'] = datetime.timedelta(seconds=dist_cfg['timeout'])
    dist.init_process_group('gloo', **more)


def _export_slurm(port: int | None) -> None:
    """Translate slurm's variables into the ones PyTorch reads."""
    env = os.environ
    try:
        env['RANK'], env['WORLD_SIZE'] = (
            env['SLURM_PROCID'],
            env['SLURM_NTASKS'],
        )
        env['LOCAL_RANK'] = env.get('SLURM_LOCALID', '0')
        nodes = env['SLURM_NODELIST']
    except KeyError as error:
        raise UserError(
            f'--launcher slurm: {error} is not set; start through '
            'tools/slurm_train.sh'
        ) from error
    if port is not None:
        env['MASTER_PORT'] = str(port)
    env.setdefault('MASTER_PORT', '29500')
    if 'MASTER_ADDR' not in env:
        hosts = subprocess.run(
            ['scontrol', 'show', 'hostname', nodes],
            check=True,
            capture_output=True,
            text=True,
        )
        env['MASTER_ADDR'] = hosts.stdout.split()[0]


def _export_mpi() -> None:
    """Translate Open MPI's variables into the ones PyTorch reads."""
    for theirs, ours in (
        ('OMPI_COMM_WORLD_RANK', 'RANK'),
        ('OMPI_COMM_WORLD_SIZE', 'WORLD_SIZE'),
        ('OMPI_COMM_WORLD_LOCAL_RANK', 'LOCAL_RANK'),
    ):
        if theirs in os.environ:
            os.environ[ours] = os.environ[theirs]
    os.environ.setdefault('MASTER_PORT', '29500')


def _check_devices() -> None:
    """Refuse more processes on this machine than it has GPUs."""
    if get_device() != 'cuda':
        return
    wanted = int(os.environ.get('LOCAL_WORLD_SIZE', '1'))
    found = torch.cuda.device_count()
    if wanted > found:
        raise UserError(
            f'{wanted} processes on this machine but {found} GPU(s): start '
            f'{found} (with --total-batch the recipe stays the same), or '
            "set CUDA_VISIBLE_DEVICES='' to run on the CPU"
        )
