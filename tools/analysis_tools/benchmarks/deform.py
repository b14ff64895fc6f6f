"""Back ends of the deformable convolution against each other."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

import torch

from mmmtl.errors import UserError
from mmmtl.models.layers.deform_backends import (
    mmcv_problem,
    torchvision_problem,
)
from mmmtl.models.layers.deform_conv import Backend, DeformConv

from .measure import DIRECTIONS, Case, Group, one_pass

BACKENDS = ('torch', 'torchvision', 'mmcv')
# DeMT's map of a small image, and of one of NYUD-v2.
_SIZES = [[2, 256, 48, 64], [1, 256, 107, 140]]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``benchmark.py deform``."""
    parser.add_argument(
        '--size',
        nargs=4,
        type=int,
        action='append',
        metavar=('B', 'C', 'H', 'W'),
        help=f'size of the input; may be repeated; default: {_SIZES}',
    )
    parser.add_argument('--kernel', type=int, default=1, help='odd')
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


def groups(args: argparse.Namespace) -> Iterator[Group]:
    """All back ends that work here; ``ratio`` is to the first of them."""
    usable, device = [], torch.device(args.device)
    problems = {'mmcv': mmcv_problem, 'torchvision': torchvision_problem}
    for backend in args.backends:
        problem = problems.get(backend, lambda device: None)(device)
        if problem is None:
            usable.append(backend)
        else:
            print(f'{backend}: skipped, {problem}')
    if not usable:
        raise UserError('none of the back ends works here')
    for size in args.size or _SIZES:
        for direction in DIRECTIONS:
            cases = {
                backend: dict(backend=backend, direction=direction, size=size)
                for backend in usable
            }
            shape = 'x'.join(map(str, size))
            yield Group(f'{shape} {direction}', cases, base=usable[0])


def build(
    args: argparse.Namespace, backend: Backend, direction: str, size: list[int]
) -> Case:
    """Return a case: one call of the layer, with or without gradients."""
    torch.manual_seed(0)
    layer = DeformConv(
        size[1],
        out_channels=size[1],
        kernel_size=args.kernel,
        stride=args.stride,
        padding=args.kernel // 2,
        groups=args.groups,
        offset_groups=args.offset_groups or size[1],
        backend=backend,
    ).to(args.device)
    x = torch.randn(size, device=args.device)
    height, width = ((n - 1) // args.stride + 1 for n in size[2:])
    offset = args.spread * torch.randn(
        size[0], layer.offset_channels, height, width, device=args.device
    )
    leaves = [x, offset, *layer.parameters()]
    return one_pass(layer, [x, offset], direction, leaves)
