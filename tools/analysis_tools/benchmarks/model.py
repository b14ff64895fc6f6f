"""Forward pass and training step of a config, whole and in parts."""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from mmengine.optim import OptimWrapper
from torch import Tensor, nn

from mmmtl.engine.errors import UserError
from mmmtl.structures import MultiTaskDataSample

from .memory import measure_peak
from .model_setup import (
    add_model_arguments,
    build_model,
    build_optimizer,
    count_parameters,
    random_samples,
    read_options,
)
from .parts import PartTimer, find_parts
from .report import Result
from .timing import Case, measure, paired_ratios, summarise

MODES = ('forward', 'step')


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``benchmark.py model``."""
    add_model_arguments(parser)
    parser.add_argument(
        '--modes',
        nargs='+',
        choices=MODES,
        default=list(MODES),
        help='forward: inference without gradients; step: loss, gradients '
        'and update',
    )
    parser.add_argument(
        '--variant',
        nargs='+',
        action='append',
        default=[],
        metavar=('NAME', 'KEY=VALUE'),
        help='measure the config with these changes too, in turn with the '
        'config itself; may be repeated',
    )


def run(args: argparse.Namespace) -> Iterator[Result]:
    """Measure every mode of the config and its variants.

    ``ratio`` compares with the config itself.
    """
    variants = {'config': dict(args.cfg_options)}
    for name, *words in args.variant:
        if name in variants:
            raise UserError(f'--variant {name}: this name is taken')
        variants[name] = {**args.cfg_options, **read_options(words)}
    for mode in args.modes:
        arguments = {
            name: dict(
                config=args.config,
                options=options,
                mode=mode,
                shape=args.shape,
                device=args.device,
            )
            for name, options in variants.items()
        }
        yield from _compare(args, mode, arguments)


def build(
    *,
    config: str,
    options: Mapping[str, Any],
    mode: str,
    shape: list[int],
    device: str,
) -> Case:
    """Return a case: one forward pass or one training step.

    A forward pass is timed by module, a step also by phase.
    """
    model, loaded = build_model(config, options, device)
    timer = PartTimer(find_parts(model))
    inputs = torch.randn(shape, device=device)
    if mode == 'forward':
        model.eval()
        return lambda: _forward(model, inputs, timer)
    model.train()
    optimizer = build_optimizer(model, loaded)
    samples = random_samples(model.decode_head, shape, device)
    return lambda: _step(model, inputs, samples, optimizer, timer)


def _compare(
    args: argparse.Namespace, mode: str, arguments: dict[str, dict[str, Any]]
) -> Iterator[Result]:
    samples = measure(
        {name: build(**case) for name, case in arguments.items()},
        runs=args.runs,
        warmup=args.warmup,
        label=mode,
    )
    for name, case in arguments.items():
        model, _ = build_model(args.config, case['options'], 'cpu')
        result = {
            'name': f'{mode} {name}',
            'case': case,
            'parameters': count_parameters(model),
            **summarise(samples[name]),
            **paired_ratios(samples[name], samples['config']),
        }
        if args.memory:
            result['memory'] = measure_peak(build, case)
        yield result


@torch.no_grad()
def _forward(
    model: nn.Module, inputs: Tensor, timer: PartTimer
) -> dict[str, float]:
    model(inputs, mode='tensor')
    return timer.drain()


def _step(
    model: nn.Module,
    inputs: Tensor,
    samples: list[MultiTaskDataSample],
    optimizer: OptimWrapper,
    timer: PartTimer,
) -> dict[str, float]:
    start = time.perf_counter()
    with optimizer.optim_context(model):
        losses = model(inputs, samples, mode='loss')
        total, _ = model.parse_losses(losses)
    middle = time.perf_counter()
    # What OptimWrapper.update_params does, to time its halves apart.
    optimizer.backward(optimizer.scale_loss(total))
    end = time.perf_counter()
    optimizer.step()
    optimizer.zero_grad()
    phases = {
        'losses': middle - start,
        'backward': end - middle,
        'update': time.perf_counter() - end,
    }
    parts = {
        f'losses: {name}': seconds for name, seconds in timer.drain().items()
    }
    return {**phases, **parts}
