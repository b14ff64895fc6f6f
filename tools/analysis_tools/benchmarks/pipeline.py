"""Training pipeline of a config: seconds per image of one worker."""

from __future__ import annotations

import argparse
import itertools
import time
from collections.abc import Iterator

import cv2
import torch
from mmengine.registry import init_default_scope

from mmmtl.engine.config import load_config
from mmmtl.registry import DATASETS, build_in_scope

from .measure import Case, Group
from .models import add_config_arguments


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``benchmark.py pipeline``."""
    add_config_arguments(parser)  # give train_dataloader.dataset.data_root


def groups(args: argparse.Namespace) -> Iterator[Group]:
    """One case: samples one after another, as a loader process does."""
    yield Group('one', {'sample': {}}, base='sample')


def build(args: argparse.Namespace) -> Case:
    """Return a case: the next sample, timed by transform.

    A worker has one thread, whatever ``--threads`` says.
    """
    loaded = load_config(args.config, dict(args.cfg_options))
    init_default_scope('mmmtl')
    # What a loader process gets from PyTorch and from mmengine.
    torch.set_num_threads(1)
    cv2.setNumThreads(0)
    dataset = build_in_scope(DATASETS, loaded.train_dataloader.dataset)
    steps = [
        (f'{number} {type(step).__name__}', step)
        for number, step in enumerate(dataset.pipeline.transforms)
    ]
    indices = itertools.cycle(range(len(dataset)))

    def load() -> dict[str, float]:
        seconds = {}
        data = dataset.get_data_info(next(indices))
        for name, step in steps:
            start = time.perf_counter()
            data = step(data)
            seconds[name] = time.perf_counter() - start
        return seconds

    return load
