"""Builds what a config describes, with random weights and random labels."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from mmengine.config import Config, DictAction
from mmengine.model import revert_sync_batchnorm
from mmengine.optim import OptimWrapper, build_optim_wrapper
from mmengine.registry import init_default_scope
from torch import Tensor, nn

from mmmtl.engine.config import load_config
from mmmtl.engine.errors import UserError
from mmmtl.registry import MODELS, build_in_scope
from mmmtl.structures import MultiTaskDataSample
from mmmtl.tasks import get_task_spec


def add_model_arguments(parser: argparse.ArgumentParser) -> None:
    """Add config and input size, for subjects that need a model."""
    parser.add_argument('config', help='config file')
    parser.add_argument(
        '--shape',
        nargs=4,
        type=int,
        default=[1, 3, 425, 560],
        metavar=('B', 'C', 'H', 'W'),
        help='size of the input (default: an image of NYUD-v2)',
    )
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=DictAction,
        default={},
        help='changes to the config as key=value',
    )


def read_options(words: Sequence[str]) -> dict[str, Any]:
    """Read ``key=value`` words as ``--cfg-options`` does."""
    wrong = [word for word in words if '=' not in word]
    if wrong:
        raise UserError(f'{wrong[0]!r} is not of the form key=value')
    parser = argparse.ArgumentParser()
    parser.add_argument('--options', nargs='*', action=DictAction, default={})
    return parser.parse_args(['--options', *words]).options


def build_model(
    config: str, options: Mapping[str, Any], device: str
) -> tuple[nn.Module, Config]:
    """Build a config's model without loading or drawing weights.

    ``init_weights`` is not called, so no pretrained weights are needed.
    There is one process, so synchronised norms become ordinary ones.
    """
    loaded = load_config(config, dict(options))
    if 'model' not in loaded:
        raise UserError(f'{config}: there is no `model` to measure')
    init_default_scope('mmmtl')
    torch.manual_seed(0)
    model = build_in_scope(MODELS, loaded.model)
    return revert_sync_batchnorm(model).to(device), loaded


def build_optimizer(model: nn.Module, config: Config) -> OptimWrapper:
    """Build the optimizer of a config."""
    if 'optim_wrapper' not in config:
        raise UserError(
            f'{config.filename}: there is no `optim_wrapper`, so no training '
            'step; measure --modes forward'
        )
    return build_optim_wrapper(model, dict(config.optim_wrapper))


def count_parameters(model: nn.Module) -> int:
    """Return the number of parameters of a model."""
    return sum(parameter.numel() for parameter in model.parameters())


def random_samples(
    head: nn.Module, shape: Sequence[int], device: str
) -> list[MultiTaskDataSample]:
    """Return samples with a valid random label of every task of a head."""
    samples = []
    for _ in range(shape[0]):
        sample = MultiTaskDataSample()
        for task, output in head.outputs.items():
            label = _random_label(task, output.channels, shape[2:])
            sample.set_gt(task, label.to(device))
        samples.append(sample)
    return samples


def _random_label(task: str, classes: int, size: Sequence[int]) -> Tensor:
    spec = get_task_spec(task)
    shape = (spec.label_channels, *size)
    if spec.decode == 'argmax':
        return torch.randint(classes, shape)
    if spec.dtype == torch.int64:
        return torch.randint(2, shape)
    if spec.label_channels == 3:
        return nn.functional.normalize(torch.randn(shape), dim=0)
    return torch.rand(shape) + 0.01  # 0 would mean: no depth known
