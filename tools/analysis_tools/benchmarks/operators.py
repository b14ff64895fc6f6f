"""Stages of a method against the same computation in bare operators."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch

from mmmtl.engine.errors import UserError

from .memory import measure_peak
from .methods import BACKBONE, METHODS, WHOLE, method_of, tensors
from .model_setup import add_model_arguments, build_model
from .multiply_adds import count_multiply_adds
from .replay import record_leaves
from .report import Result
from .timing import Case, measure, paired_ratios, summarise

DIRECTIONS = ('forward', 'forward+backward')
FORMS = ('ours', 'plain')
# Largest deviation between the forms, as a share of the largest value. Float
# noise is some 1e-5 of it.
TOLERANCE = 1e-3


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``benchmark.py operators``."""
    add_model_arguments(parser)
    parser.add_argument(
        '--directions', nargs='+', choices=DIRECTIONS, default=list(DIRECTIONS)
    )
    stages = [f'{m.name}: {" ".join(m.stages)}' for m in METHODS]
    parser.add_argument(
        '--stages', nargs='+', help=f'all if left out; {"; ".join(stages)}'
    )


def run(args: argparse.Namespace) -> Iterator[Result]:
    """Measure every stage in both forms; ``ratio`` is to the plain one.

    The plain form of the backbone is the sum of its layers, each run alone.
    Of the other stages both forms must give the same numbers.
    """
    model, _ = build_model(args.config, dict(args.cfg_options), 'cpu')
    method = method_of(model)
    stages = args.stages or method.stages
    wrong = [stage for stage in stages if stage not in method.stages]
    if wrong:
        raise UserError(
            f'--stages {wrong[0]}: {method.name} has '
            f'{", ".join(method.stages)}'
        )
    for direction in args.directions:
        for stage in stages:
            yield from _compare(args, stage, direction)


def build(
    *,
    config: str,
    options: Mapping[str, Any],
    stage: str,
    form: str,
    direction: str,
    shape: list[int],
    device: str,
) -> Case:
    """Return a case: one stage in one form, maybe with gradients."""
    function, inputs = prepare(
        config=config,
        options=options,
        stage=stage,
        form=form,
        shape=shape,
        device=device,
    )
    if direction == 'forward':
        return lambda: _forward(function, inputs)
    for tensor in tensors(inputs):
        tensor.requires_grad_()
    return lambda: _forward_backward(function, inputs)


def prepare(
    *,
    config: str,
    options: Mapping[str, Any],
    stage: str,
    form: str,
    shape: list[int],
    device: str,
) -> tuple[Callable[..., Any], tuple[Any, ...]]:
    """Return a stage in one form, and what it is fed.

    Both forms get the same weights and inputs: all is seeded.
    """
    model, _ = build_model(config, options, device)
    model.eval()
    method = method_of(model)
    method.check(model.decode_head, shape[0])
    image = torch.randn(shape, device=device)
    with torch.no_grad():
        inputs = method.inputs_of(method.forms['ours'](model), stage, image)
    if form == 'ours' and stage == WHOLE:
        return lambda image: list(model(image, mode='tensor').values()), inputs
    if form == 'plain' and stage == BACKBONE:
        return record_leaves(model.backbone, image), inputs
    return method.function(method.forms[form](model), stage), inputs


def deviation(arguments: Mapping[str, Any]) -> float:
    """Return how far the two forms of a stage are apart.

    Args:
        arguments: Those of `prepare`, without the form.

    Returns:
        Largest difference as a share of the largest value.
    """
    results = []
    for form in FORMS:
        function, inputs = prepare(**arguments, form=form)
        with torch.no_grad():
            results.append(list(tensors(function(*inputs))))
    largest = max(float(one.abs().max()) for one in results[1])
    apart = max(
        float((ours - plain).abs().max())
        for ours, plain in zip(*results, strict=True)
    )
    return apart / largest


def _compare(
    args: argparse.Namespace, stage: str, direction: str
) -> Iterator[Result]:
    shared = dict(
        config=args.config,
        options=dict(args.cfg_options),
        stage=stage,
        shape=args.shape,
        device=args.device,
    )
    apart = None
    if stage != BACKBONE:
        apart = deviation(shared)
        if apart > TOLERANCE:
            raise RuntimeError(
                f'stage {stage!r}: the two forms differ by {apart:.1e} of '
                'the largest value; they are not the same computation'
            )
    arguments = {
        form: dict(**shared, form=form, direction=direction) for form in FORMS
    }
    cases = {form: build(**case) for form, case in arguments.items()}
    # Before the timing: the first run of a case warms it up as well.
    counts = {form: count_multiply_adds(case) for form, case in cases.items()}
    samples = measure(
        cases,
        runs=args.runs,
        warmup=args.warmup,
        label=f'{stage} {direction}',
    )
    for form, case in arguments.items():
        result = {
            'name': f'{stage} {direction} {form}',
            'case': case,
            'deviation': apart,
            'multiply_adds': counts[form],
            **summarise(samples[form]),
            **paired_ratios(samples[form], samples['plain']),
        }
        if args.memory and stage == WHOLE:
            result['memory'] = measure_peak(build, case)
        yield result


@torch.no_grad()
def _forward(function: Callable[..., Any], inputs: tuple[Any, ...]) -> None:
    function(*inputs)


def _forward_backward(
    function: Callable[..., Any], inputs: tuple[Any, ...]
) -> None:
    outputs = [one for one in tensors(function(*inputs)) if one.requires_grad]
    torch.autograd.backward(outputs, [torch.ones_like(one) for one in outputs])
