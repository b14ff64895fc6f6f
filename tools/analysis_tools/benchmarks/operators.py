"""Stages of a method as built against the released arithmetic."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import nn

from mmmtl.errors import UserError

from .measure import DIRECTIONS, Case, Group, one_pass, tensors
from .models import (
    add_config_arguments,
    add_shape_argument,
    build_model,
    from_tests,
)
from .multiply_adds import count_multiply_adds

FORMS = ('ours', 'plain')
# Largest deviation between the forms, as a share of the largest value. Float
# noise is some 1e-5 of it.
TOLERANCE = 1e-3


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``benchmark.py operators``."""
    add_config_arguments(parser)
    add_shape_argument(parser)
    parser.add_argument(
        '--directions', nargs='+', choices=DIRECTIONS, default=list(DIRECTIONS)
    )
    parser.add_argument('--stages', nargs='+', help='all if left out')


def groups(args: argparse.Namespace) -> Iterator[Group]:
    """Every stage in both forms; ``ratio`` is to the plain one.

    Both forms must give the same numbers. The backbone is the same in both:
    its ratio shows the noise of the machine.
    """
    model, _ = build_model(args.config, args.cfg_options)
    method = _method(model)
    stages = args.stages or method.stages
    for stage in stages:
        if stage not in method.stages:
            raise UserError(
                f'--stages {stage}: {method.name} has '
                f'{", ".join(method.stages)}'
            )
        apart = deviation(args, stage)
        if apart > TOLERANCE:
            raise UserError(
                f'stage {stage!r}: the two forms differ by {apart:.1e} of the '
                'largest value. The released code computes something else '
                'with these options: it attends over the batch '
                '(attn_scope=batch at more than one image) and has no other '
                'variant than that of the configs without suffix'
            )
    for direction in args.directions:
        for stage in stages:
            cases = {
                form: dict(form=form, stage=stage, direction=direction)
                for form in FORMS
            }
            yield Group(
                f'{stage} {direction}',
                cases,
                base='plain',
                memory=stage == 'whole',
            )


def build(
    args: argparse.Namespace, form: str, stage: str, direction: str
) -> Case:
    """Return a case: one stage in one form, maybe with gradients."""
    return one_pass(*prepare(args, form, stage), direction)


def facts(case: Case, *_: Any, **__: Any) -> dict[str, Any]:
    """Multiply-adds."""
    return {'multiply_adds': count_multiply_adds(case)}


def prepare(
    args: argparse.Namespace, form: str, stage: str
) -> tuple[Callable[..., Any], tuple[Any, ...]]:
    """Return a stage in one form, and what it is fed.

    Both forms get the same weights and inputs: all is seeded.
    """
    model, _ = build_model(args.config, args.cfg_options, args.device)
    model.eval()
    method = _method(model)
    image = torch.randn(args.shape, device=args.device)
    with torch.no_grad():
        inputs = method.inputs_of(model, stage, image)
    if (form, stage) == ('ours', 'whole'):
        return lambda image: list(model(image, mode='tensor').values()), inputs
    return method.function(model, form, stage), inputs


def deviation(args: argparse.Namespace, stage: str) -> float:
    """Return how far the two forms of a stage are apart.

    Returns:
        Largest difference as a share of the largest value.
    """
    results = []
    for form in FORMS:
        function, inputs = prepare(args, form, stage)
        with torch.no_grad():
            results.append(list(tensors(function(*inputs))))
    largest = max(float(one.abs().max()) for one in results[1])
    return max(
        float((ours - plain).abs().max()) / largest
        for ours, plain in zip(*results, strict=True)
    )


def _method(model: nn.Module) -> Any:
    stages = from_tests('reference.stages')
    try:
        return stages.method_of(model)
    except KeyError as error:
        known = ', '.join(m.name for m in stages.METHODS.values())
        raise UserError(
            f'no released arithmetic for neck and head {error}; there is '
            f'some of {known}'
        ) from None
