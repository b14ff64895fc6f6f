"""Back ends of the deformable convolution against each other."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from typing import Any

import torch

from mmmtl.engine.errors import UserError
from mmmtl.models.layers.deform_backends import (
    mmcv_problem,
    torchvision_problem,
)
from mmmtl.models.layers.deform_conv import DeformConv

from .memory import measure_peak
from .report import Result
from .timing import measure, paired_ratios, summarise

BACKENDS = ('torch', 'torchvision', 'mmcv')
DIRECTIONS = ('forward', 'forward+backward')


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``benchmark.py deform``."""
    parser.add_argument(
        '--size',
        nargs=4,
        type=int,
        action='append',
        metavar=('B', 'C', 'H', 'W'),
        help='size of the input; may be repeated; default: 2 256 48 64 and '
        '1 256 107 140',
    )
    parser.add_argument('--kernel', type=int, default=1)
    parser.add_argument('--stride', type=int, default=1)
    parser.add_argument('--groups', type=int, default=1)
    parser.add_argument(
        '--offset-groups',
        type=int,
        help='default: one per channel, which is the case of DeMT',
    )
    parser.add_argument(
        '--spread',
        type=float,
        default=28.0,
        help='standard deviation of the offsets in pixels (default: that of '
        'an untrained DeMT)',
    )
    parser.add_argument(
        '--backends', nargs='+', choices=BACKENDS, default=list(BACKENDS)
    )


def run(args: argparse.Namespace) -> Iterator[Result]:
    """Measure every size, direction and back end.

    The back ends of one size and direction run in turn; ``ratio`` compares
    with the first of them.
    """
    if args.kernel % 2 == 0:
        raise UserError(f'--kernel {args.kernel}: give an odd number')
    usable, device = [], torch.device(args.device)
    for backend in args.backends:
        problem = backend_problem(backend, device)
        if problem is None:
            usable.append(backend)
        else:
            yield {'name': backend, 'skipped': problem}
    if not usable:
        raise UserError('none of the back ends works here')
    for size in args.size or [[2, 256, 48, 64], [1, 256, 107, 140]]:
        for direction in DIRECTIONS:
            yield from _compare(args, size, direction, usable)


def backend_problem(backend: str, device: torch.device) -> str | None:
    """Return why a back end cannot be measured, None if it can."""
    problems = {'mmcv': mmcv_problem, 'torchvision': torchvision_problem}
    return problems[backend](device) if backend in problems else None


def build(
    *,
    backend: str,
    direction: str,
    size: list[int],
    kernel: int,
    stride: int,
    groups: int,
    offset_groups: int,
    spread: float,
    device: str,
) -> Callable[[], None]:
    """Return a case: one call of the layer, with or without gradients."""
    torch.manual_seed(0)
    channels = size[1]
    layer = DeformConv(
        channels,
        out_channels=channels,
        kernel_size=kernel,
        stride=stride,
        padding=kernel // 2,
        groups=groups,
        offset_groups=offset_groups,
        backend=backend,
    ).to(device)
    x = torch.randn(size, device=device)
    height, width = ((n - 1) // stride + 1 for n in size[2:])
    offset = spread * torch.randn(
        size[0], layer.offset_channels, height, width, device=device
    )
    if direction == 'forward':
        return lambda: _forward(layer, x, offset)
    x.requires_grad_()
    offset.requires_grad_()
    gradient = torch.randn(size[0], channels, height, width, device=device)
    return lambda: _forward_backward(layer, x, offset, gradient)


def _compare(
    args: argparse.Namespace,
    size: list[int],
    direction: str,
    backends: list[str],
) -> Iterator[Result]:
    """Yield the results of all back ends for one size and direction."""
    arguments: dict[str, dict[str, Any]] = {
        backend: dict(
            backend=backend,
            direction=direction,
            size=size,
            kernel=args.kernel,
            stride=args.stride,
            groups=args.groups,
            offset_groups=args.offset_groups or size[1],
            spread=args.spread,
            device=args.device,
        )
        for backend in backends
    }
    shape = 'x'.join(map(str, size))
    samples = measure(
        {name: build(**case) for name, case in arguments.items()},
        runs=args.runs,
        warmup=args.warmup,
        label=f'{shape} {direction}',
    )
    for backend, case in arguments.items():
        result = {
            'name': f'{shape} {direction} {backend}',
            'case': case,
            **summarise(samples[backend]),
            **paired_ratios(samples[backend], samples[backends[0]]),
        }
        if args.memory:
            result['memory'] = measure_peak(build, case)
        yield result


@torch.no_grad()
def _forward(layer: DeformConv, x: torch.Tensor, offset: torch.Tensor) -> None:
    layer(x, offset)


def _forward_backward(
    layer: DeformConv,
    x: torch.Tensor,
    offset: torch.Tensor,
    gradient: torch.Tensor,
) -> None:
    sources = [x, offset, *layer.parameters()]
    torch.autograd.grad(layer(x, offset), sources, gradient)
