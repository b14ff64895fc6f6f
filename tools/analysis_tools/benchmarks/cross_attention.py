"""SCA-MTL's cross attention at several sizes: is it linear in pixels?"""

from __future__ import annotations

import argparse
from collections.abc import Iterator

import torch

from mmmtl.models.sca_mtl.cross_attention import CrossAttention

from .measure import DIRECTIONS, Case, Group, one_pass

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


def groups(args: argparse.Namespace) -> Iterator[Group]:
    """Every size; ``ratio`` is to the first one."""
    for direction in DIRECTIONS:
        cases = {
            size: dict(size=[int(side) for side in size.split('x')])
            | dict(direction=direction)
            for size in args.sizes
        }
        yield Group(direction, cases, base=args.sizes[0])


def build(args: argparse.Namespace, size: list[int], direction: str) -> Case:
    """Return a case: one map attends over another of the same size."""
    torch.manual_seed(0)
    block = CrossAttention(args.channels).to(args.device)
    block.train(direction != 'forward')
    shape = (1, args.channels, *size)
    maps = [torch.randn(shape, device=args.device) for _ in range(2)]
    return one_pass(
        lambda target, source: block(target, [source]),
        maps,
        direction,
        [*maps, *block.parameters()],
    )
