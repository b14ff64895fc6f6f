"""MulT's decoder for several tasks against as many decoders for one task."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from mmmtl.engine.errors import UserError
from mmmtl.models.mult import SharedAttentionHead
from mmmtl.tasks import get_task_spec
from mmmtl.visualization.charts import Line, save_growth_chart

from .memory import measure_peak
from .model_setup import count_parameters
from .report import Result
from .timing import measure, paired_ratios, summarise

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
        '--blocks',
        nargs='+',
        default=['private', 'shared_skip'],
        help='kinds of the blocks of a stage',
    )
    parser.add_argument(
        '--with-cp', action='store_true', help='with gradient checkpointing'
    )
    parser.add_argument('--plot', metavar='FILE.png', help='draw a plot')


def run(args: argparse.Namespace) -> Iterator[Result]:
    """Measure both forms; ``ratio`` is that to the separate decoders."""
    for count in args.counts:
        if not 1 <= count <= len(TASKS):
            raise UserError(
                f'--counts {count}: give numbers from 1 to {len(TASKS)}'
            )
    results = []
    for count in args.counts:
        for result in _compare(args, count):
            results.append(result)
            yield result
    if args.plot:
        save_growth_chart(_panels(results), args.plot)


def build(
    *,
    form: str,
    count: int,
    channels: int,
    blocks: list[str],
    with_cp: bool,
    shape: list[int],
    device: str,
) -> Callable[[], None]:
    """Return a case: the decoders' share of a training step.

    Forward pass and gradients of all weights and of the encoder's features,
    without losses and update.
    """
    torch.manual_seed(0)
    heads = build_heads(form, count, channels, blocks, with_cp).to(device)
    batch, height, width = shape
    levels = [
        torch.randn(
            batch,
            channels * 2**level,
            -(-height // (STRIDE * 2**level)),
            -(-width // (STRIDE * 2**level)),
            device=device,
            requires_grad=True,
        )
        for level in range(4)
    ]
    return lambda: _step(heads, levels)


def build_heads(
    form: str, count: int, channels: int, blocks: list[str], with_cp: bool
) -> nn.ModuleList:
    """Return one decoder for all tasks, or one for each."""
    tasks = TASKS[:count]
    groups = [tasks] if form == 'shared' else [[task] for task in tasks]
    return nn.ModuleList(
        SharedAttentionHead(
            tasks={task: _output(task) for task in group},
            in_channels=[channels * 2**level for level in range(4)],
            blocks=blocks,
            with_cp=with_cp,
        )
        for group in groups
    )


def _compare(args: argparse.Namespace, count: int) -> Iterator[Result]:
    arguments = {
        form: dict(
            form=form,
            count=count,
            channels=args.channels,
            blocks=args.blocks,
            with_cp=args.with_cp,
            shape=args.shape,
            device=args.device,
        )
        for form in FORMS
    }
    samples = measure(
        {form: build(**case) for form, case in arguments.items()},
        runs=args.runs,
        warmup=args.warmup,
        label=f'{count} tasks',
    )
    for form, case in arguments.items():
        with torch.device('meta'):
            heads = build_heads(
                form, count, args.channels, args.blocks, args.with_cp
            )
        result = {
            'name': f'{count} {form}',
            'case': case,
            'parameters': count_parameters(heads),
            **summarise(samples[form]),
            **paired_ratios(samples[form], samples['separate']),
        }
        if not args.with_cp:  # recomputed tensors would be counted, too
            result['kept_bytes'] = kept_bytes(build, case)
        if args.memory:
            result['memory'] = measure_peak(build, case)
        yield result


def kept_bytes(
    build: Callable[..., Callable[[], None]], case: Mapping[str, Any]
) -> int:
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

    run_once = build(**case)
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda kept: kept):
        run_once()
    return sum(sizes.values())


def _step(heads: nn.ModuleList, levels: list[Tensor]) -> None:
    total = sum(
        logits.square().mean()
        for head in heads
        for logits in head(levels).values()
    )
    sources = [*levels, *heads.parameters()]
    torch.autograd.grad(total, sources, allow_unused=True)


def _output(task: str) -> dict[str, Any]:
    classes = get_task_spec(task).channels is None
    return dict(out_channels=CLASSES) if classes else {}


def _panels(results: list[Result]) -> dict[str, list[Line]]:
    """Return what is drawn: times, parameters, memory."""
    readings: dict[str, Callable[[Result], float]] = {
        'elapsed seconds': lambda r: r['seconds']['median'],
        'processor seconds': lambda r: r['cpu_seconds']['median'],
        'million parameters': lambda r: r['parameters'] / 1e6,
    }
    if all('kept_bytes' in r for r in results):
        readings['kept for the backward pass in GB'] = lambda r: (
            r['kept_bytes'] / 1e9
        )
    if all('peak_bytes' in r.get('memory', {}) for r in results):
        readings['peak memory of the process in GB'] = lambda r: (
            r['memory']['peak_bytes'] / 1e9
        )
    return {
        title: [
            Line(
                name=f'{form} decoders' if form == 'separate' else 'MulT',
                points=[
                    (r['case']['count'], read(r))
                    for r in results
                    if r['case']['form'] == form
                ],
            )
            for form in FORMS
        ]
        for title, read in readings.items()
    }
