"""Training pipeline of a config: images per second of one worker."""

from __future__ import annotations

import argparse
import itertools
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import cv2
import torch
from mmengine.config import DictAction
from mmengine.dataset import BaseDataset
from mmengine.registry import init_default_scope

from mmmtl.engine.config import load_config
from mmmtl.engine.errors import UserError
from mmmtl.registry import DATASETS, build_in_scope

from .memory import measure_peak
from .report import Result
from .timing import Case, measure, summarise


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``benchmark.py pipeline``."""
    parser.add_argument('config', help='config file; its data must be there')
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=DictAction,
        default={},
        help='changes to the config as key=value, for instance '
        'train_dataloader.dataset.data_root=DIR',
    )


def run(args: argparse.Namespace) -> Iterator[Result]:
    """Measure samples one after another, as one loader process does.

    A worker has one thread, whatever ``--threads`` says.
    """
    arguments = dict(config=args.config, options=dict(args.cfg_options))
    samples = measure(
        {'sample': build(**arguments)},
        runs=args.runs,
        warmup=args.warmup,
        label='samples',
    )['sample']
    summary = summarise(samples)
    result = {
        'name': 'one sample',
        'case': arguments,
        'images_per_second': len(samples) / sum(s.seconds for s in samples),
        'images_per_cpu_second': len(samples)
        / sum(s.cpu_seconds for s in samples),
        **summary,
    }
    if args.memory:
        result['memory'] = measure_peak(build, arguments)
    yield result


def build(*, config: str, options: Mapping[str, Any]) -> Case:
    """Return a case: the next sample, timed by transform."""
    loaded = load_config(config, dict(options))
    loader = loaded.get('train_dataloader')
    if loader is None:
        raise UserError(f'{config}: there is no `train_dataloader`')
    init_default_scope('mmmtl')
    # What a loader process gets from PyTorch and from mmengine.
    torch.set_num_threads(1)
    cv2.setNumThreads(0)
    dataset = build_in_scope(DATASETS, loader.dataset)
    steps = _named_steps(dataset)
    indices = itertools.cycle(range(len(dataset)))
    return lambda: _load(dataset, steps, next(indices))


def _load(
    dataset: BaseDataset, steps: Mapping[str, Callable], index: int
) -> dict[str, float]:
    seconds = {}
    data = dataset.get_data_info(index)
    for name, step in steps.items():
        start = time.perf_counter()
        data = step(data)
        seconds[name] = time.perf_counter() - start
    return seconds


def _named_steps(dataset: BaseDataset) -> dict[str, Callable]:
    """Return the transforms by class name, a repeated one by number too."""
    steps: dict[str, Callable] = {}
    for step in dataset.pipeline.transforms:
        name = type(step).__name__
        number = sum(key.split(' ')[0] == name for key in steps)
        steps[f'{name} {number + 1}' if number else name] = step
    return steps
