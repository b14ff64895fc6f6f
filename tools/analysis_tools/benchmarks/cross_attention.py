"""SCA-MTL's cross attention at several sizes: is it linear in pixels?"""

from __future__ import annotations

import argparse
from collections.abc import Iterator

import torch
from torch import Tensor

from mmmtl.engine.errors import UserError
from mmmtl.models.sca_mtl.cross_attention import CrossAttention

from .memory import measure_peak
from .report import Result
from .timing import Case, measure, paired_ratios, summarise

DIRECTIONS = ('forward', 'forward+backward')
# Twice the pixels each time; 120x160 is stride 4 of NYUD-v2 at 480x640.
SIZES = ('60x80', '80x120', '120x160', '160x240')


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``benchmark.py cross_attention``."""
    parser.add_argument(
        '--channels', type=int, default=36, help='width of the maps'
    )
    parser.add_argument(
        '--sizes',
        nargs='+',
        default=list(SIZES),
        metavar='HxW',
        help='of target and source alike',
    )
    parser.add_argument(
        '--directions', nargs='+', choices=DIRECTIONS, default=list(DIRECTIONS)
    )


def run(args: argparse.Namespace) -> Iterator[Result]:
    """Measure every size; ``ratio`` is to the first one."""
    for direction in args.directions:
        arguments = {
            size: dict(
                channels=args.channels,
                size=size,
                direction=direction,
                device=args.device,
            )
            for size in args.sizes
        }
        samples = measure(
            {size: build(**case) for size, case in arguments.items()},
            runs=args.runs,
            warmup=args.warmup,
            label=direction,
        )
        for size, case in arguments.items():
            height, width = read_size(size)
            summary = summarise(samples[size])
            result = {
                'name': f'{direction} {size}',
                'case': case,
                'pixels': height * width,
                'seconds_per_pixel': summary['seconds']['median']
                / (height * width),
                **summary,
                **paired_ratios(samples[size], samples[args.sizes[0]]),
            }
            if args.memory:
                result['memory'] = measure_peak(build, case)
            yield result


def build(*, channels: int, size: str, direction: str, device: str) -> Case:
    """Return a case: one map attends over another of the same size."""
    if channels < 1:
        raise UserError(f'--channels {channels}: give 1 or more')
    torch.manual_seed(0)
    block = CrossAttention(channels).to(device)
    shape = (1, channels, *read_size(size))
    maps = [torch.randn(shape, device=device) for _ in range(2)]
    if direction == 'forward':
        block.eval()
        return lambda: _forward(block, *maps)
    for one in maps:
        one.requires_grad_()
    return lambda: _forward_backward(block, *maps)


def read_size(text: str) -> tuple[int, int]:
    """Read ``HxW``."""
    parts = text.split('x')
    if len(parts) != 2 or not all(p.isdigit() and int(p) for p in parts):
        raise UserError(f'--sizes {text}: write height x width, as 60x80')
    return int(parts[0]), int(parts[1])


@torch.no_grad()
def _forward(block: CrossAttention, target: Tensor, source: Tensor) -> None:
    block(target, [source])


def _forward_backward(
    block: CrossAttention, target: Tensor, source: Tensor
) -> None:
    (answer,) = block(target, [source])
    torch.autograd.grad(answer.sum(), [target, source, *block.parameters()])
