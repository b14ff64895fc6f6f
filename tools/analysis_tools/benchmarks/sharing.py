"""MulT's decoder for several tasks against as many decoders for one task."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from mmmtl.errors import UserError
from mmmtl.models.mult import SharedAttentionHead
from mmmtl.visualization.charts import Line, save_growth_chart

from .measure import Case, Group, one_pass
from .models import count_parameters
from .report import Result

# The paper's tasks, in the order in which a case takes them.
TASKS = (
    'semseg',
    'depth',
    'normals',
    'reshading',
    'keypoints2d',
    'edges2d',
)
CLASSES = 17  # of Taskonomy; matters to the size of one output layer only
FORMS = ('shared', 'separate')
STRIDE = 4  # of the finest level


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``benchmark.py sharing``."""
    parser.add_argument(
        '--counts',
        nargs='+',
        type=int,
        default=[1, 2, 4, 6],
        help=f'numbers of tasks, up to {len(TASKS)}',
    )
    parser.add_argument(
        '--channels',
        type=int,
        default=96,
        help='of the finest level (default: Swin-T and S; B has 128, L 192)',
    )
    parser.add_argument(
        '--shape',
        nargs=3,
        type=int,
        default=[2, 256, 256],
        metavar=('B', 'H', 'W'),
        help='size of the input (default: two images of Taskonomy)',
    )
    parser.add_argument(
        '--with-cp', action='store_true', help='with gradient checkpointing'
    )
    parser.add_argument('--plot', metavar='FILE.png', help='draw a plot')


def groups(args: argparse.Namespace) -> Iterator[Group]:
    """Both forms; ``ratio`` is that to the separate decoders."""
    for count in args.counts:
        if not 1 <= count <= len(TASKS):
            raise UserError(
                f'--counts {count}: give numbers from 1 to {len(TASKS)}'
            )
    for count in args.counts:
        cases = {form: dict(form=form, count=count) for form in FORMS}
        yield Group(str(count), cases, base='separate')


def build(args: argparse.Namespace, form: str, count: int) -> Case:
    """Return a case: the decoders' share of a training step.

    Forward pass and gradients of all weights and of the encoder's features,
    without losses and update.
    """
    torch.manual_seed(0)
    heads = build_heads(args, form, count).to(args.device)
    batch, *size = args.shape
    levels = [
        torch.randn(
            batch,
            args.channels * 2**level,
            *(-(-side // (STRIDE * 2**level)) for side in size),
            device=args.device,
        )
        for level in range(4)
    ]

    def total(*levels: Tensor) -> Any:
        logits = [one for head in heads for one in head(levels).values()]
        return sum(one.square().mean() for one in logits)

    leaves = [*levels, *heads.parameters()]
    return one_pass(total, levels, 'forward+backward', leaves)


def build_heads(
    args: argparse.Namespace, form: str, count: int
) -> nn.ModuleList:
    """Return one decoder for all tasks, or one for each."""
    tasks = TASKS[:count]
    groups = [tasks] if form == 'shared' else [[task] for task in tasks]
    return nn.ModuleList(
        SharedAttentionHead(
            tasks={
                task: dict(out_channels=CLASSES) if task == 'semseg' else {}
                for task in group
            },
            in_channels=[args.channels * 2**level for level in range(4)],
            with_cp=args.with_cp,
        )
        for group in groups
    )


def facts(
    case: Case, args: argparse.Namespace, form: str, count: int
) -> dict[str, Any]:
    """Parameters, and what is kept for the backward pass."""
    with torch.device('meta'):
        heads = build_heads(args, form, count)
    found = {'parameters': count_parameters(heads)}
    if not args.with_cp:  # recomputed tensors would be counted, too
        found['kept_bytes'] = kept_bytes(case)
    return found


def kept_bytes(case: Case) -> int:
    """Return what a case keeps from its forward for its backward pass.

    Weights and features count too: they are the same in every run, and this
    number, unlike a process's peak, does not depend on the order in which
    the backward pass frees things.
    """
    sizes: dict[int, int] = {}
    alive = []  # so that no address is used twice

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        sizes[storage.data_ptr()] = storage.nbytes()
        alive.append(tensor)
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda kept: kept):
        case()
    return sum(sizes.values())


def plot(results: Sequence[Result], path: str) -> None:
    """Draw times, parameters and memory by number of tasks."""
    panels = {}
    for title, (unit, *keys) in _PANELS.items():
        if keys[0] not in results[0]:
            continue
        names = {'shared': 'MulT', 'separate': 'separate decoders'}
        points: dict[str, list] = {form: [] for form in names}
        for result in results:
            value: Any = result
            for key in keys:
                value = value[key]
            case = result['case']
            points[case['form']].append((case['count'], value / unit))
        panels[title] = [Line(names[form], points[form]) for form in names]
    save_growth_chart(panels, path)


# Title, unit, and where a result has the value.
_PANELS: dict[str, tuple] = {
    'elapsed seconds': (1, 'seconds', 'median'),
    'processor seconds': (1, 'cpu_seconds', 'median'),
    'million parameters': (1e6, 'parameters'),
    'kept for the backward pass in GB': (1e9, 'kept_bytes'),
    'peak memory of the process in GB': (1e9, 'memory', 'peak_bytes'),
}
