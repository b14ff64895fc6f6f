"""The published total batch on however many processes there are.

``--total-batch N`` lets k = N / (processes * batch per process) forward and
backward passes make one optimizer step.

Convention: every number in a config counts *optimizer steps*. mmengine's
iteration is one forward pass, so with k > 1 the loop's length and the
intervals of validation, checkpoints and logging are multiplied by k, and
`OptimizerStepSchedulerHook` moves the learning rate once per optimizer step:
step s of 40,000 sees the same learning rate on any number of processes.
Iteration numbers in logs and checkpoint names count forward passes. Custom
hooks that count iterations (an exponential moving average) are left alone.
Batch statistics are those of one forward pass, as with fewer processes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mmengine.config import Config

from mmmtl.errors import UserError


def apply_total_batch(config: Config, total: int, processes: int) -> int:
    """Accumulate gradients until ``total`` samples make an optimizer step.

    Args:
        config: Changed in place.
        total: Samples per optimizer step over all processes.
        processes: Number of processes of the run.

    Returns:
        The number k of forward passes per optimizer step.
    """
    per_process = config.train_dataloader.batch_size
    together = per_process * processes
    if total < 1 or total % together:
        raise UserError(
            f'--total-batch {total} is not a multiple of {processes} '
            f'process(es) x {per_process} sample(s) each = {together}; '
            'change it, the number of processes, or '
            '--cfg-options train_dataloader.batch_size=...'
        )
    if (config.get('auto_scale_lr') or {}).get('enable'):
        raise UserError(
            '--total-batch keeps the batch and the learning rate of the '
            'recipe; leave out auto_scale_lr.enable=True'
        )
    steps = total // together
    if steps > 1:
        _accumulate(config, steps)
    return steps


def batch_notes(config: Config, processes: int) -> list[str]:
    """Return what a log should say about the batch.

    Args:
        config: Its ``auto_scale_lr.base_batch_size`` is the recipe's batch.
        processes: Number of processes of the run.

    Returns:
        A line if gradients are accumulated, one if the total batch is not
        the recipe's.
    """
    steps = config.optim_wrapper.get('accumulative_counts', 1)
    total = config.train_dataloader.get('batch_size', 1) * processes * steps
    notes = []
    if steps > 1:
        notes.append(
            f'total batch {total}: {steps} forward passes per optimizer '
            'step; iterations below count forward passes'
        )
    scale = config.get('auto_scale_lr') or {}
    base = scale.get('base_batch_size', total)
    if total != base and not scale.get('enable'):
        notes.append(
            f'this run uses {total} sample(s) per optimizer step, the recipe '
            f'was made for {base}: set train_dataloader.batch_size so that '
            f'all processes together have {base}, or, where memory forbids '
            f'it, pass --total-batch {base} to accumulate (BatchNorm then '
            'sees the images of one forward pass only)'
        )
    return notes


def _accumulate(config: Config, steps: int) -> None:
    loop = config.train_cfg
    if loop.get('type') != 'IterBasedTrainLoop':
        raise UserError(
            '--total-batch can accumulate in an IterBasedTrainLoop only, '
            f'found train_cfg.type={loop.get("type")!r}'
        )
    if config.optim_wrapper.get('accumulative_counts', 1) != 1:
        raise UserError(
            'the config accumulates already (optim_wrapper.'
            'accumulative_counts): leave out --total-batch'
        )
    _schedule_by_step(config)
    config.optim_wrapper.accumulative_counts = steps
    for key in ('max_iters', 'val_interval', 'val_begin'):
        # Validation after the first forward pass stays possible.
        if key in loop and not (key == 'val_begin' and loop[key] <= 1):
            loop[key] = loop[key] * steps
    if 'val_interval' not in loop:
        loop.val_interval = 1000 * steps  # the loop's own default
    if loop.get('dynamic_intervals'):
        loop.dynamic_intervals = [
            (milestone * steps, interval * steps)
            for milestone, interval in loop.dynamic_intervals
        ]
    _stretch_hooks(config.setdefault('default_hooks', {}), steps)


def _schedule_by_step(config: Config) -> None:
    schedulers: Any = config.get('param_scheduler') or []
    if isinstance(schedulers, Mapping):
        schedulers = [schedulers]
    for scheduler in schedulers:
        if scheduler.get('by_epoch', True):
            raise UserError(
                '--total-batch: param_scheduler '
                f'{scheduler.get("type")} counts epochs; set by_epoch=False'
            )
        # mmengine's default is the length of the loop, in forward passes.
        scheduler.setdefault('end', config.train_cfg.max_iters)
    config.setdefault('default_hooks', {})
    config.default_hooks.param_scheduler = dict(
        type='OptimizerStepSchedulerHook'
    )


def _stretch_hooks(hooks: Mapping[str, Any], steps: int) -> None:
    checkpoint = hooks.get('checkpoint')
    if checkpoint and not checkpoint.get('by_epoch', True):
        for key in ('interval', 'save_begin'):
            if checkpoint.get(key, 0) > 0:
                checkpoint[key] = checkpoint[key] * steps
    logger = hooks.get('logger')
    if logger:
        logger['interval'] = logger.get('interval', 10) * steps
