"""One of several processes dies: the others end, or all start again."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.resume_trial import (
    PROJECT,
    ROOT,
    differing,
    finish,
    free_port,
    start,
    write_trial,
)

pytestmark = pytest.mark.slow


def environment(plan: str) -> dict[str, str]:
    return {
        **os.environ,
        'CUDA_VISIBLE_DEVICES': '',
        'OMP_NUM_THREADS': '1',
        'PYTHON': sys.executable,
        'PYTHONPATH': f'{ROOT}{os.pathsep}{PROJECT}',
        'PORT': str(free_port()),
        'SUDDEN_END': plan,
    }


def test_launcher_starts_again_from_the_last_checkpoint(
    tmp_path: Path,
) -> None:
    """The second process is killed in iteration 5 of 8."""
    config = write_trial(tmp_path, length=8)
    whole, parts = tmp_path / 'whole', tmp_path / 'parts'
    finish(start(config, whole, ranks=2))
    command = ['bash', 'tools/dist_train.sh', str(config), '2', '--resume']
    done = subprocess.run(
        [*command, '--work-dir', str(parts), '--seed', '7'],
        cwd=ROOT,
        env=environment('iteration:5:0:KILL:1')
        | {'TORCHRUN_ARGS': '--max-restarts=1 --monitor-interval=0.2'},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert 'resumed epoch: 0, iter: 4' in done.stdout
    assert differing(whole, parts)[0] == []


@pytest.mark.parametrize('how', ['KILL', 'error'])
def test_others_end_and_say_that_it_was_another(
    how: str, tmp_path: Path
) -> None:
    """Without a launcher, so that nobody ends them."""
    config = write_trial(tmp_path, length=40)
    plan = f'iteration:3:0:{how}:1'
    runs = []
    common = environment(plan)
    for rank in range(2):
        group = {
            'RANK': str(rank),
            'LOCAL_RANK': str(rank),
            'WORLD_SIZE': '2',
            'MASTER_ADDR': '127.0.0.1',
            'MASTER_PORT': common['PORT'],
        }
        command = [sys.executable, 'tools/train.py', str(config)]
        options = ['--work-dir', str(tmp_path / 'work'), '--seed', '7']
        runs.append(
            subprocess.Popen(
                [*command, *options, '--launcher', 'pytorch'],
                cwd=ROOT,
                env=common | group,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
            )
        )
    _, second = runs[1].communicate(timeout=200)
    died = time.monotonic()
    _, first = runs[0].communicate(timeout=60)
    assert time.monotonic() - died < 60
    assert runs[0].returncode == 2
    assert 'error (rank 0): another process of this run has ended' in first
    assert 'Traceback' not in first
    if how == 'error':
        assert runs[1].returncode == 1
        assert '[rank1]: RuntimeError: a defect' in second
    else:
        assert runs[1].returncode == -9
