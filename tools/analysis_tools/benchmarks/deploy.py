"""A model and its exported files: from pictures to maps in real units."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from mmmtl.apis import MultiTaskInferencer
from mmmtl.deploy import OnnxInferencer
from mmmtl.deploy.exportable import make_exportable
from mmmtl.deploy.picture_steps import measure_steps

from .measure import Case, Group
from .models import add_config_arguments

_PYTORCH = ('eager', 'eager bfloat16', 'compiled')


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``benchmark.py deploy``."""
    add_config_arguments(parser)
    parser.add_argument(
        '--files',
        nargs='+',
        default=[],
        metavar='NAME=FILE.onnx',
        help='exported files to measure beside the model',
    )
    parser.add_argument(
        '--size',
        nargs=2,
        type=int,
        default=[480, 640],
        metavar=('H', 'W'),
        help='of the pictures',
    )
    parser.add_argument(
        '--batches',
        nargs='+',
        type=int,
        default=[1],
        metavar='N',
        help='pictures that are run together',
    )
    parser.add_argument(
        '--cases',
        nargs='+',
        choices=_PYTORCH,
        default=['eager', 'compiled'],
        help='forms of the model in PyTorch',
    )
    parser.add_argument('--plot', metavar='FILE', help='bars, as a picture')


def groups(args: argparse.Namespace) -> Iterator[Group]:
    """Every number of pictures; ``ratio`` is to the first case."""
    cases: dict[str, dict[str, Any]] = {n: dict(name=n) for n in args.cases}
    for entry in args.files:
        name, _, path = entry.partition('=')
        cases[name] = dict(name=name, path=path)
    for batch in args.batches:
        yield Group(
            f'batch {batch}:',
            {name: {**case, 'batch': batch} for name, case in cases.items()},
            base=next(iter(cases)),
        )


def build(
    args: argparse.Namespace, name: str, batch: int, path: str | None = None
) -> Case:
    """Return a case: pictures in, maps out."""
    rng = np.random.default_rng(0)
    shape = (batch, *args.size, 3)
    pictures = rng.integers(0, 256, shape, np.uint8)
    if path is not None:
        run = OnnxInferencer(path, threads=torch.get_num_threads())
        return lambda: (run(list(pictures), batch_size=batch), None)[1]
    made = MultiTaskInferencer(
        args.config, device=args.device, cfg_options=dict(args.cfg_options)
    )
    steps = measure_steps(
        made.pipeline, made.model.data_preprocessor.cpu(), tuple(args.size)
    )
    model = make_exportable(made.model, steps).to(args.device)
    if name == 'compiled':
        model = torch.compile(model)
    images = torch.from_numpy(pictures).to(args.device)
    half = torch.autocast(
        args.device, torch.bfloat16, enabled=name.endswith('bfloat16')
    )

    def case() -> None:
        with torch.no_grad(), half:
            model(images)

    return case


def facts(
    case: Case,
    args: argparse.Namespace,
    name: str,
    batch: int,
    path: str | None = None,
) -> dict[str, Any]:
    """Size of a file."""
    return {} if path is None else {'bytes': Path(path).stat().st_size}


def plot(results: list[Mapping[str, Any]], path: str) -> None:
    """Draw the pictures per second of every case.

    Args:
        results: As the report has them.
        path: The picture to write.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    speeds = [r['case']['batch'] / r['seconds']['median'] for r in results]
    figure = Figure(figsize=(7, 1 + 0.4 * len(results)), layout='tight')
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    bars = axes.barh([r['name'] for r in results], speeds)
    axes.bar_label(bars, fmt='%.2f', padding=3)
    axes.margins(x=0.1)  # room for the figures
    axes.invert_yaxis()
    axes.set_xlabel('pictures per second')
    figure.savefig(path, dpi=120)
