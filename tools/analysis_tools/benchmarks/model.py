"""Forward pass and training step of a config, beside variants of it."""

from __future__ import annotations

import argparse
import atexit
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from mmengine.optim import build_optim_wrapper
from torch import Tensor, nn

from mmmtl.engine.config import parse_options
from mmmtl.errors import UserError
from mmmtl.models.backbones.feature_cache import FeatureCache

from .measure import Case, Group, one_pass
from .models import (
    add_config_arguments,
    add_shape_argument,
    build_model,
    count_parameters,
    from_tests,
)

MODES = ('forward', 'step')


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``benchmark.py model``."""
    add_config_arguments(parser)
    add_shape_argument(parser)
    parser.add_argument(
        '--modes',
        nargs='+',
        choices=MODES,
        default=list(MODES),
        help='forward: inference without gradients; step: loss, gradients '
        'and update',
    )
    parser.add_argument(
        '--variant',
        nargs='+',
        action='append',
        default=[],
        metavar=('NAME', 'KEY=VALUE'),
        help='measure the config with these changes too, in turn with the '
        'config itself; may be repeated',
    )
    parser.add_argument(
        '--feature-cache',
        action='store_true',
        help='of a frozen backbone: a step from kept features beside each',
    )


def groups(args: argparse.Namespace) -> Iterator[Group]:
    """Every mode of the config and its variants; ``ratio`` is to itself."""
    variants = {'config': args.cfg_options}
    for name, *words in args.variant:
        changes = parse_options(words, f'--variant {name}')
        variants[name] = {**args.cfg_options, **changes}
    for mode in args.modes:
        cases = {
            name: dict(options=dict(options), mode=mode)
            for name, options in variants.items()
        }
        if args.feature_cache and mode == 'step':
            cases |= {
                f'{name}, kept features': dict(case, cached=True)
                for name, case in cases.items()
            }
        yield Group(mode, cases, base='config')


def build(
    args: argparse.Namespace,
    options: Mapping[str, Any],
    mode: str,
    cached: bool = False,
) -> Case:
    """Return a case: one forward pass or one training step.

    Raises:
        UserError: Features are to be kept, and the backbone learns.
    """
    model, loaded = build_model(args.config, options, args.device)
    inputs = torch.randn(args.shape, device=args.device)
    if cached:
        if not model.frozen_backbone:
            raise UserError(
                '--feature-cache: the backbone learns, so its features '
                'change: add --cfg-options model.frozen_backbone=True'
            )
        folder = tempfile.TemporaryDirectory()
        atexit.register(folder.cleanup)
        model.feature_cache = FeatureCache(
            Path(folder.name), capacity=len(inputs)
        )
    if mode == 'forward':
        model.eval()
        return one_pass(
            lambda image: list(model(image, mode='tensor').values()),
            [inputs],
            'forward',
        )
    return training_step(model, loaded, inputs)


def training_step(model: nn.Module, config: Config, inputs: Tensor) -> Case:
    """Return a case: loss, gradients and update on random labels."""
    model.train()
    model.loss_weighting.bind(model)
    optimizer = build_optim_wrapper(model, config.optim_wrapper)
    outputs = model.decode_head.outputs
    classes = {task: output.channels for task, output in outputs.items()}
    samples = [
        from_tests('tiny').random_sample(classes, inputs.shape[2:], classes)
        for _ in inputs
    ]
    samples = [sample.to(inputs.device) for sample in samples]

    def step() -> None:
        with optimizer.optim_context(model):
            losses = model(inputs, samples, mode='loss')
            total, _ = model.parse_losses(losses)
        optimizer.update_params(total)

    return step


def facts(
    case: Case,
    args: argparse.Namespace,
    options: Mapping[str, Any],
    mode: str,
    cached: bool = False,
) -> dict[str, Any]:
    """Size of the model."""
    model, _ = build_model(args.config, options)
    return {'parameters': count_parameters(model)}
