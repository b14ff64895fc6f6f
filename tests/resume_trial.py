"""Is a run that is killed and resumed the same as one that never was?

A tiny DeMT on rendered rooms with all that draws or remembers: random scales,
crops, flips and colours, drop path, batch statistics, learned weights of the
losses, a moving average, a schedule that watches a metric, accumulation.

    python -m tests.resume_trial --kills 20 --loop iter

It kills a run with SIGKILL at random moments (in an iteration, in a save, in
a validation), resumes it every time, and counts the tensors of the last
checkpoint that differ from those of an uninterrupted run.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config

from mmmtl.datasets.room_layouts import order_rooms
from mmmtl.engine.checkpoint import read_checkpoint
from mmmtl.rooms.produce import produce
from tests.tiny import demt, swin

ROOT = Path(__file__).resolve().parents[1]
PROJECT = ROOT / 'tests' / 'data' / 'resume_project'
TASKS = ['semseg', 'depth']


def write_trial(
    folder: Path,
    *,
    loop: str = 'iter',
    length: int = 12,
    workers: int = 0,
    persistent: bool = False,
    accumulate: int = 1,
    save_every: int = 2,
    watch: bool = True,
) -> Path:
    """Render seven rooms and write a config.

    Args:
        folder: Where to.
        loop: ``iter`` with an endless sampler, ``passes`` with one that ends
            every third iteration, or ``epoch``.
        length: Iterations or epochs; an epoch has 3 iterations.
        workers: Loader processes.
        persistent: Whether they live as long as the run.
        accumulate: Iterations per optimizer step.
        save_every: Iterations or epochs between checkpoints.
        watch: Whether a schedule watches a metric; accumulating a total
            batch knows none that does.
    """
    order = order_rooms(
        layout='nyud', num_train=5, num_val=2, height=40, width=56, seed=0
    )
    produce(order, folder / 'rooms')
    path = folder / 'trial.py'
    epochs = loop == 'epoch'
    config = dict(
        default_scope='mmmtl',
        custom_imports=dict(imports=['sudden_end']),
        env_cfg=dict(mp_cfg=dict(opencv_num_threads=0)),
        model=_model(),
        **_loaders(folder / 'rooms', loop == 'iter', workers, persistent),
        train_cfg=_loop(epochs, length),
        val_cfg=dict(type='ValLoop'),
        optim_wrapper=dict(
            optimizer=dict(type='AdamW', lr=1e-3),
            accumulative_counts=accumulate,
        ),
        param_scheduler=_schedule(length, epochs, watch),
        custom_hooks=[
            dict(type='EMAHook', momentum=0.1),
            dict(type='SuddenEndHook'),
        ],
        default_hooks=dict(
            logger=dict(type='LoggerHook', interval=1),
            checkpoint=dict(
                type='CheckpointHook',
                by_epoch=epochs,
                interval=save_every,
                save_best='depth/rmse',
                rule='less',
            ),
        ),
        log_processor=dict(by_epoch=epochs),
        visualizer=dict(type='MultiTaskVisualizer', name='visualizer'),
    )
    Config(config).dump(path)
    return path


def start(
    config: Path, work_dir: Path, *options: str, plan: str = '', ranks: int = 1
) -> subprocess.Popen:
    """Start a training with seed 7, resuming what the work folder has.

    Args:
        config: A trial.
        work_dir: Its work folder.
        options: Of ``tools/train.py``.
        plan: See ``sudden_end.py``.
        ranks: Processes.
    """
    launch = [sys.executable]
    if ranks > 1:
        launch += ['-m', 'torch.distributed.run', f'--nproc_per_node={ranks}']
        launch += [f'--master_port={free_port()}']
        options = ('--launcher', 'pytorch', *options)
    return subprocess.Popen(
        [
            *(*launch, 'tools/train.py', str(config), '--resume'),
            *('--work-dir', str(work_dir), '--seed', '7', *options),
        ],
        cwd=ROOT,
        env={
            **os.environ,
            'CUDA_VISIBLE_DEVICES': '',
            'OMP_NUM_THREADS': '1',
            'PYTHONFAULTHANDLER': '1',  # see finish
            'PYTHONPATH': f'{ROOT}{os.pathsep}{PROJECT}',
            'SUDDEN_END': plan or 'never:0:0:KILL',
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        return probe.getsockname()[1]


# Twenty times what a run takes.
PATIENCE_S = 400


def finish(run: subprocess.Popen, expected: int | None = 0) -> str:
    """Wait for a run and return what it wrote.

    Args:
        run: The run.
        expected: Its exit code; None for any.

    Raises:
        AssertionError: It ended otherwise, or hangs: with what it wrote, and
            with where each of its processes is.
    """
    try:
        out, _ = run.communicate(timeout=PATIENCE_S)
    except subprocess.TimeoutExpired:
        os.killpg(run.pid, signal.SIGABRT)
        out, _ = run.communicate(timeout=10)
        raise AssertionError(f'hangs:\n{out[-20_000:]}') from None
    finally:
        if run.poll() is None:
            os.killpg(run.pid, signal.SIGKILL)
    assert expected in (None, run.returncode), out[-4000:]
    return out


def differing(one: Path, other: Path) -> tuple[list[str], int]:
    """Compare the last checkpoints of two work folders, bit for bit.

    Returns:
        Names of tensors that differ (weights, moving average, optimizer),
        and how many there are.
    """
    first, second = (
        dict(
            _tensors(read_checkpoint((folder / 'last_checkpoint').read_text()))
        )
        for folder in (one, other)
    )
    assert first.keys() == second.keys()
    names = [k for k in first if not torch.equal(first[k], second[k])]
    return names, len(first)


def _tensors(content: Mapping[str, Any]) -> Iterator[tuple[str, torch.Tensor]]:
    for part in ('state_dict', 'ema_state_dict'):
        for name, value in content.get(part, {}).items():
            yield f'{part}.{name}', value
    for number, state in content['optimizer']['state'].items():
        for name, value in state.items():
            yield f'optimizer.{number}.{name}', torch.as_tensor(value)


def _model() -> dict[str, Any]:
    model = demt(TASKS)
    model['backbone'] = swin(drop_path_rate=0.5, drop_rate=0.1)
    model['decode_head']['tasks']['semseg']['out_channels'] = 40
    model['loss_weighting'] = dict(type='UncertaintyWeighting')
    return model


def _loaders(
    root: Path, endless: bool, workers: int, persistent: bool
) -> dict[str, Any]:
    load = [
        dict(type='LoadImageFromFile'),
        dict(type='LoadMultiTaskAnnotations'),
    ]
    pack = dict(type='PackMultiTaskInputs')
    augment = [
        dict(type='MultiTaskRandomScale', ratio_range=(1.0, 1.5)),
        dict(type='MultiTaskRandomCrop', crop_size=(32, 40)),
        dict(type='MultiTaskRandomFlip', prob=0.5),
        dict(type='MultiTaskPhotoMetricDistortion'),
    ]
    augmented = [*load, *augment, pack]
    common = dict(num_workers=workers, persistent_workers=persistent)
    data = dict(type='NYUDv2Dataset', data_root=str(root), tasks=TASKS)
    sampler = 'InfiniteSampler' if endless else 'DefaultSampler'
    return dict(
        train_dataloader=dict(
            **common,
            batch_size=2,
            sampler=dict(type=sampler, shuffle=True),
            dataset=dict(**data, split='train', pipeline=augmented),
        ),
        val_dataloader=dict(
            **common,
            batch_size=1,
            sampler=dict(type='DefaultSampler', shuffle=False),
            dataset=dict(**data, split='val', pipeline=[*load, pack]),
        ),
        val_evaluator=dict(
            type='MultiTaskEvaluator', metrics=[dict(type='DepthErrorMetric')]
        ),
    )


def _loop(epochs: bool, length: int) -> dict[str, Any]:
    if epochs:
        return dict(type='EpochBasedTrainLoop', max_epochs=length)
    return dict(type='IterBasedTrainLoop', max_iters=length, val_interval=3)


def random_plan(draw: random.Random) -> str:
    """Return a plan: a random moment of one of the three kinds."""
    moment = draw.choice(['iteration', 'save', 'validation'])
    most, seconds = {
        'iteration': (8, 0.2),
        'save': (4, 0.1),
        'validation': (3, 0.1),
    }[moment]
    return f'{moment}:{draw.randint(1, most)}:{draw.uniform(0, seconds)}:KILL'


def _schedule(length: int, epochs: bool, watch: bool) -> list[dict[str, Any]]:
    plateau = dict(type='ReduceOnPlateauLR', monitor='depth/rmse', patience=1)
    poly = dict(type='PolyLR', end=length + 1, by_epoch=epochs)
    return [poly, plateau] if watch else [poly]


def main() -> None:
    """Kill and resume, and say what differs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--kills', type=int, default=20)
    parser.add_argument('--loop', default='iter')
    parser.add_argument('--length', type=int, default=40)
    parser.add_argument('--workers', type=int, default=0)
    parser.add_argument('--persistent', action='store_true')
    parser.add_argument('--accumulate', type=int, default=1)
    parser.add_argument('--ranks', type=int, default=1)
    parser.add_argument('--total-batch', type=int)
    parser.add_argument('--seed', type=int, default=0)
    args = parser.parse_args()
    total = args.total_batch
    options = ['--total-batch', str(total)] if total else []
    draw = random.Random(args.seed)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        config = write_trial(
            folder,
            loop=args.loop,
            length=args.length,
            workers=args.workers,
            persistent=args.persistent,
            accumulate=args.accumulate,
            watch=not total,
        )
        whole, parts = folder / 'whole', folder / 'parts'
        finish(start(config, whole, *options, ranks=args.ranks))
        killed = 0
        while killed < args.kills:
            plan = random_plan(draw)
            run = start(config, parts, *options, plan=plan, ranks=args.ranks)
            out = finish(run, None)
            last = [x for x in out.splitlines() if '(train)' in x]
            print(plan, run.returncode, *last[-1:], sep=' | ', flush=True)
            if run.returncode == 0:
                break
            killed += 1
        finish(start(config, parts, *options, ranks=args.ranks))
        names, count = differing(whole, parts)
        print(f'{killed} kills: {len(names)} of {count} tensors differ')
    sys.exit(bool(names))


if __name__ == '__main__':
    main()
