"""Builds what a config describes, with random weights."""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Mapping
from types import ModuleType
from typing import Any

import torch
from mmengine.config import Config
from mmengine.model import revert_sync_batchnorm
from mmengine.registry import init_default_scope
from torch import nn

from mmmtl.engine.cli import add_cfg_options
from mmmtl.engine.config import load_config
from mmmtl.errors import UserError
from mmmtl.registry import MODELS, build_in_scope


def add_config_arguments(parser: argparse.ArgumentParser) -> None:
    """Add a config file and changes to it."""
    parser.add_argument('config', help='config file')
    add_cfg_options(parser)


def add_shape_argument(parser: argparse.ArgumentParser) -> None:
    """Add the size of the input."""
    parser.add_argument(
        '--shape',
        nargs=4,
        type=int,
        default=[1, 3, 425, 560],
        metavar=('B', 'C', 'H', 'W'),
        help='size of the input (default: an image of NYUD-v2)',
    )


def build_model(
    config: str, options: Mapping[str, Any], device: str = 'cpu'
) -> tuple[nn.Module, Config]:
    """Build a config's model without loading or drawing weights.

    ``init_weights`` is not called, so no pretrained weights are needed.
    There is one process, so synchronised norms become ordinary ones.
    """
    loaded = load_config(config, dict(options))
    return build_loaded(loaded, device), loaded


def build_loaded(config: Config, device: str = 'cpu') -> nn.Module:
    """Do the same for a config that was read."""
    init_default_scope('mmmtl')
    torch.manual_seed(0)
    model = build_in_scope(MODELS, config.model)
    return revert_sync_batchnorm(model).to(device)


def count_parameters(model: nn.Module) -> int:
    """Return the number of parameters of a model."""
    return sum(parameter.numel() for parameter in model.parameters())


def from_tests(name: str) -> ModuleType:
    """Import a module of the checkout's ``tests`` folder."""
    try:
        return importlib.import_module(f'tests.{name}')
    except ModuleNotFoundError as error:
        raise UserError(
            'this subject needs the folder tests/ of a checkout of mmmtl '
            f'beside tools/ ({error})'
        ) from error
