"""Two processes, on a machine without a GPU as well."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from math import inf
from pathlib import Path

import pytest
import torch

from mmmtl.engine.checkpoint import read_checkpoint
from mmmtl.engine.work_dir import alone_in
from tests.spoiled_samples import TASKS
from tests.tiny import demt

pytestmark = pytest.mark.slow


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        return probe.getsockname()[1]


def run_script(
    repo_root: Path, script: str, *arguments: str | Path
) -> subprocess.CompletedProcess:
    """Run a shell script of ours on the CPU."""
    toy = repo_root / 'tests' / 'data' / 'toy_project'
    environ = {
        **os.environ,
        'CUDA_VISIBLE_DEVICES': '',
        'OMP_NUM_THREADS': '1',
        'PORT': str(free_port()),
        'PYTHON': sys.executable,
        'PYTHONPATH': str(toy),
    }
    return subprocess.run(
        ['bash', f'tools/{script}', *map(str, arguments)],
        cwd=repo_root,
        env=environ,
        capture_output=True,
        text=True,
        timeout=200,
    )


PLAIN = (
    '--seed=0',
    '--cfg-options',
    'model.backbone.norm_cfg.type=GN',
    'model.backbone.norm_cfg.num_groups=1',
    'train_dataloader.sampler.shuffle=False',
)


def test_two_processes_and_accumulation_take_the_same_steps(
    repo_root: Path, toy_config: Path, tmp_path: Path
) -> None:
    """2 processes x 2 samples x 2 passes and 1 x 8 give the same weights.

    The samplers deal the same 8 samples to a step in both cases, and
    without batch statistics a gradient is a mean over samples.
    """
    results = {}
    for processes, options in (
        (2, ('--total-batch=8',)),
        (1, ('train_dataloader.batch_size=8',)),
    ):
        work_dir = tmp_path / str(processes)
        done = run_script(
            repo_root,
            'dist_train.sh',
            toy_config,
            processes,
            f'--work-dir={work_dir}',
            *(options if processes == 2 else ()),
            *PLAIN,
            *(options if processes == 1 else ()),
        )
        assert done.returncode == 0, done.stderr[-3000:]
        last = (work_dir / 'last_checkpoint').read_text()
        results[processes] = read_checkpoint(last)['state_dict']
    for name, value in results[2].items():
        torch.testing.assert_close(value, results[1][name])


def test_sync_bn_becomes_bn_and_the_log_says_so(
    repo_root: Path, toy_config: Path, tmp_path: Path
) -> None:
    done = run_script(
        repo_root, 'dist_train.sh', toy_config, 2, f'--work-dir={tmp_path}'
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert 'SyncBN needs an accelerator: replaced by BN' in done.stdout
    # A thread that lives on may abort the process at its end.
    assert done.stdout.count('threads at exit: []') == 2
    assert (tmp_path / 'iter_4.pth').is_file()

    out = tmp_path / 'metrics.json'
    done = run_script(
        repo_root,
        'dist_test.sh',
        toy_config,
        tmp_path / 'iter_4.pth',
        2,
        f'--work-dir={tmp_path}',
        f'--out={out}',
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.count('threads at exit: []') == 2
    # Each of the 6 samples once, though 2 processes x batches of 2 hold 8.
    assert json.loads(out.read_text())['metrics']['toy/count'] == 6


def test_processes_share_a_folder_and_what_they_go_on_from(
    repo_root: Path, toy_config: Path, tmp_path: Path
) -> None:
    common = (toy_config, 2, f'--work-dir={tmp_path}', '--seed=0')
    done = run_script(repo_root, 'dist_train.sh', *common)
    assert done.returncode == 0, done.stderr[-3000:]
    with (tmp_path / 'iter_4.pth').open('r+b') as file:
        file.truncate(1000)
    done = run_script(repo_root, 'dist_train.sh', *common, '--resume')
    assert done.returncode == 0, done.stderr[-3000:]
    assert 'passing over a damaged checkpoint' in done.stdout
    assert 'resumed epoch: 0, iter: 2' in done.stdout
    last = read_checkpoint(tmp_path / 'iter_4.pth')
    assert last['meta']['processes'] == 2
    with alone_in(tmp_path):
        done = run_script(repo_root, 'dist_train.sh', *common, '--resume')
    for rank in (0, 1):
        assert f'error (rank {rank}): work folder {tmp_path}' in done.stderr
    done = run_script(
        repo_root, 'dist_train.sh', toy_config, 1, *common[2:], '--resume'
    )
    assert 'processes (2 -> 1)' in done.stderr


def test_error_ends_all_processes_with_one_line_each(
    repo_root: Path, toy_config: Path, tmp_path: Path
) -> None:
    done = run_script(
        repo_root,
        'dist_train.sh',
        toy_config,
        2,
        f'--work-dir={tmp_path}',
        '--cfg-options',
        'model.backbone.init_cfg._delete_=True',
        'model.backbone.init_cfg.type=Pretrained',
        'model.backbone.init_cfg.checkpoint=/no/such/file.pth',
    )
    assert done.returncode != 0
    for rank in (0, 1):
        assert f'error (rank {rank}): model.backbone.init_cfg' in done.stderr


@pytest.mark.parametrize(
    ('max_skipped', 'wrapper'),
    [
        (0, 'MMDistributedDataParallel'),
        (1, 'MMDistributedDataParallel'),
        (1, 'FullyShardedModel'),
    ],
)
def test_processes_decide_alike_about_a_bad_loss(
    max_skipped: int, wrapper: str, repo_root: Path, tmp_path: Path
) -> None:
    """The second process alone reads sample 5, in its second batch."""
    config = dict(
        custom_imports=dict(imports=['tests.spoiled_samples', 'mmmtl_toy']),
        default_scope='mmmtl',
        work_dir=str(tmp_path / 'work'),
        model=demt(TASKS),
        model_wrapper_cfg=dict(type=wrapper),
        train_dataloader=dict(
            dataset=dict(type='SpoiledSamples', spoiled={'5': inf}),
            batch_size=2,
            num_workers=0,
            sampler=dict(type='InfiniteSampler', shuffle=False),
            collate_fn=dict(type='pseudo_collate'),
        ),
        optim_wrapper=dict(
            type='OptimWrapper', optimizer=dict(type='SGD', lr=1e-3)
        ),
        train_cfg=dict(type='IterBasedTrainLoop', max_iters=3),
        default_hooks=dict(
            checkpoint=dict(type='CheckpointHook', by_epoch=False, interval=1),
            divergence=dict(max_skipped=max_skipped),
        ),
    )
    path = tmp_path / 'config.py'
    path.write_text(
        "inf = float('inf')\n"
        + '\n'.join(f'{key} = {value!r}' for key, value in config.items())
    )
    done = run_script(repo_root, 'dist_train.sh', path, 2)
    said = 'iteration 2: reshading.loss_l1 = inf (samples room5, room7)'
    last = (tmp_path / 'work' / 'last_checkpoint').read_text()
    if wrapper != 'FullyShardedModel':  # DTensor's caches keep its group
        # Who fails first leaves its group; the other may be killed before.
        assert 'threads at exit: []' in done.stdout
        assert "threads at exit: ['" not in done.stdout
    if max_skipped:
        assert done.returncode == 0, done.stderr[-3000:]
        assert f'{said}; step skipped (1 of 1)' in done.stdout
        assert Path(last).name == 'iter_3.pth'
    else:
        assert done.returncode != 0
        for rank in (0, 1):
            assert f'error (rank {rank}): {said}; stopped' in done.stderr
        assert Path(last).name == 'iter_1.pth'


def test_scripts_without_arguments_explain_themselves(repo_root: Path) -> None:
    for name in (
        'dist_train.sh',
        'dist_test.sh',
        'slurm_train.sh',
        'slurm_test.sh',
    ):
        done = run_script(repo_root, name)
        assert done.returncode == 2
        assert 'usage:' in done.stderr


def test_slurm_scripts_call_srun_with_the_tool(
    repo_root: Path, tmp_path: Path
) -> None:
    srun = tmp_path / 'srun'
    srun.write_text('#!/usr/bin/env bash\nprintf "%s\\n" "$@"\n')
    srun.chmod(0o755)
    environ = {
        **os.environ,
        'PATH': f'{tmp_path}:{os.environ["PATH"]}',
        'GPUS': '2',
        'GPUS_PER_NODE': '1',
        'PYTHON': 'py',
        'SRUN_ARGS': '--qos=low --time=1',
    }
    done = subprocess.run(
        ['bash', 'tools/slurm_train.sh', 'part', 'job', 'a b.py', '--amp'],
        cwd=repo_root,
        env=environ,
        capture_output=True,
        text=True,
        check=True,
    )
    words = done.stdout.splitlines()
    assert words[:2] == ['-p', 'part']
    assert '--ntasks=2' in words
    assert words[words.index('--qos=low') + 1] == '--time=1'
    assert words[-7:] == [
        'py',
        '-u',
        'tools/train.py',
        'a b.py',
        '--launcher',
        'slurm',
        '--amp',
    ]
