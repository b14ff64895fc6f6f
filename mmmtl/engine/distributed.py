"""Several processes, on GPUs or on a machine without any.

mmengine's start-up assumes GPUs: it selects a CUDA device, hands device ids
to DDP, and keeps SyncBatchNorm, which refuses CPU tensors. On a machine
without an accelerator the functions here start gloo instead and change the
config accordingly, so that distribution can be tried everywhere.
"""

from __future__ import annotations

import datetime
import gc
import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Literal

import torch
from mmengine.config import Config
from mmengine.device import get_device
from mmengine.dist import init_dist
from mmengine.utils.dl_utils import set_multi_processing
from torch import distributed as dist
from torch.distributed.rendezvous import rendezvous

from mmmtl.engine.config import walk_dicts
from mmmtl.errors import UserError

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
    if not dist.is_initialized():
        init_dist(launcher, **dist_cfg, **_fresh_store())
    return []


@contextmanager
def joined(launcher: Launcher) -> Iterator[None]:
    """Work on CPUs together with the other processes of a launcher."""
    try:
        if launcher != 'none':
            _start_gloo(launcher, {})
        yield
    finally:
        stop_distributed()


def stop_distributed() -> None:
    """Leave the process group, if there is one.

    Call it where nothing refers to the runner any more. A wrapped model
    keeps its process group, and the group its threads; a thread of gloo that
    asks for the interpreter while that ends aborts the process.
    """
    if dist.is_initialized():
        # The model first. If it were the last to let go of the group, it
        # would wait for the threads without releasing the interpreter, and a
        # thread that asks for it would never end.
        gc.collect()
        dist.destroy_process_group()


def world_size() -> int:
    """Return the number of processes of this run."""
    return dist.get_world_size() if dist.is_initialized() else 1


def launched_share() -> tuple[int, int]:
    """Return number and count of the processes that torchrun has started.

    For work that is divided, and about which nothing is exchanged: no
    process group is needed.
    """
    environ = os.environ
    return int(environ.get('RANK', 0)), int(environ.get('WORLD_SIZE', 1))


def launched_device() -> str | None:
    """Return the device of this process among several of a machine.

    Returns:
        A GPU for each in turn, if there is any; else None.
    """
    if launched_share()[1] == 1 or not torch.cuda.is_available():
        return None
    place = int(os.environ.get('LOCAL_RANK', 0))
    return f'cuda:{place % torch.cuda.device_count()}'


@contextmanager
def together() -> Iterator[None]:
    """Raise in every process the :class:`UserError` of any of them.

    A process that fails alone leaves the others waiting until the time-out.
    """
    error: UserError | None = None
    try:
        yield
    except UserError as found:
        error = found
    if world_size() > 1:
        texts: list[str | None] = [None] * world_size()
        dist.all_gather_object(texts, None if error is None else str(error))
        elsewhere = [text for text in texts if text is not None]
        if error is None and elsewhere:
            error = UserError(elsewhere[0])
    if error is not None:
        raise error


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
    if not wrapper['type'].endswith('DistributedDataParallel'):
        return notes
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
    env = os.environ
    # What the other launchers call PyTorch's variables.
    prefix = {'slurm': 'SLURM_', 'mpi': 'OMPI_COMM_WORLD_'}.get(launcher, '')
    names = {
        'RANK': ('PROCID', 'RANK'),
        'WORLD_SIZE': ('NTASKS', 'SIZE'),
        'LOCAL_RANK': ('LOCALID', 'LOCAL_RANK'),
    }
    for ours, theirs in names.items() if prefix else ():
        name = prefix + theirs[launcher == 'mpi']
        if name in env:
            env[ours] = env[name]
    if launcher == 'slurm' and dist_cfg.get('port') is not None:
        env['MASTER_PORT'] = str(dist_cfg['port'])
    if launcher != 'pytorch':
        env.setdefault('MASTER_PORT', '29500')
    if launcher == 'slurm' and 'SLURM_NODELIST' in env:
        env.setdefault('MASTER_ADDR', _first_host(env['SLURM_NODELIST']))
    needed = ('RANK', 'WORLD_SIZE', 'MASTER_ADDR', 'MASTER_PORT')
    absent = [name for name in needed if name not in env]
    if absent:
        raise UserError(
            f'--launcher {launcher}: {", ".join(absent)} not set in the '
            'environment; start through tools/dist_train.sh or '
            'slurm_train.sh, or leave --launcher out for one process'
        )
    more: dict[str, Any] = {}
    if dist_cfg.get('timeout') is not None:
        more['timeout'] = datetime.timedelta(seconds=dist_cfg['timeout'])
    dist.init_process_group('gloo', **more, **_fresh_store())


def _fresh_store() -> dict[str, Any]:
    """Return where the processes of a restart find each other.

    With a fixed port, ``torchrun --max-restarts`` keeps the store in which
    processes leave their addresses: those of dead ones would be called.
    """
    attempt = os.environ.get('TORCHELASTIC_RESTART_COUNT', '0')
    if attempt == '0':
        return {}
    store, rank, size = next(rendezvous('env://'))
    own = dist.PrefixStore(f'attempt_{attempt}', store)
    return dict(store=own, rank=rank, world_size=size)


def _first_host(nodes: str) -> str:
    hosts = subprocess.run(
        ['scontrol', 'show', 'hostname', nodes],
        check=True,
        capture_output=True,
        text=True,
    )
    return hosts.stdout.split()[0]
