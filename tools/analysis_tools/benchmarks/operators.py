"""Stages of DeMT against the same computation in bare operators."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor

from mmmtl.engine.user_errors import UserError

from .memory import measure_peak
from .model_setup import add_model_arguments, build_model
from .released_demt import BuiltForm, PlainForm
from .replay import record_leaves
from .report import Result
from .timing import Case, measure, paired_ratios, summarise

DIRECTIONS = ('forward', 'forward+backward')
FORMS = {'ours': BuiltForm, 'plain': PlainForm}
STAGES = (
    'backbone',
    'project',
    'mix',
    'interact',
    'query',
    'decode',
    'whole',
)
# Largest deviation between the forms, as a share of the largest value. Float
# noise is some 1e-5 of it.
TOLERANCE = 1e-3


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``benchmark.py operators``."""
    add_model_arguments(parser)
    parser.add_argument(
        '--directions', nargs='+', choices=DIRECTIONS, default=list(DIRECTIONS)
    )
    parser.add_argument(
        '--stages', nargs='+', choices=STAGES, default=list(STAGES)
    )


def run(args: argparse.Namespace) -> Iterator[Result]:
    """Measure every stage in both forms; ``ratio`` is to the plain one.

    The plain form of the backbone is the sum of its layers, each run alone.
    Of the other stages both forms must give the same numbers.
    """
    for direction in args.directions:
        for stage in args.stages:
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
    for tensor in _tensors(inputs):
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
    built = BuiltForm(model)
    if shape[0] > 1 and built.head.attn_scope != 'batch':
        raise UserError(
            f'--shape: at batch {shape[0]} the released code attends over the '
            'batch; add --cfg-options model.decode_head.attn_scope=batch, or '
            'give a batch of 1'
        )
    image = torch.randn(shape, device=device)
    with torch.no_grad():
        inputs = _inputs_of(built, stage, image)
    if stage != 'backbone':
        return getattr(FORMS[form](model), stage), inputs
    if form == 'ours':
        return model.backbone, inputs
    return record_leaves(model.backbone, image), inputs


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
            results.append(list(_tensors(function(*inputs))))
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
    if stage != 'backbone':
        apart = deviation(shared)
        if apart > TOLERANCE:
            raise RuntimeError(
                f'stage {stage!r}: the two forms differ by {apart:.1e} of '
                'the largest value; they are not the same computation'
            )
    cases = {
        form: dict(**shared, form=form, direction=direction) for form in FORMS
    }
    samples = measure(
        {form: build(**case) for form, case in cases.items()},
        runs=args.runs,
        warmup=args.warmup,
        label=f'{stage} {direction}',
    )
    for form, case in cases.items():
        result = {
            'name': f'{stage} {direction} {form}',
            'case': case,
            'deviation': apart,
            **summarise(samples[form]),
            **paired_ratios(samples[form], samples['plain']),
        }
        if args.memory and stage == 'whole':
            result['memory'] = measure_peak(build, case)
        yield result


def _inputs_of(built: BuiltForm, stage: str, image: Tensor) -> tuple[Any, ...]:
    """Return what a stage is fed when the model sees an image."""
    if stage in ('backbone', 'whole'):
        return (image,)
    pyramid = built.model.backbone(image)
    if stage == 'project':
        return (pyramid,)
    shared = built.project(pyramid)
    if stage == 'mix':
        return (shared,)
    features = built.mix(shared)
    if stage == 'interact':
        return (features,)
    keys = built.interact(features)
    if stage == 'query':
        return (features, keys)
    return ([one.contiguous() for one in built.query(features, keys)],)


@torch.no_grad()
def _forward(function: Callable[..., Any], inputs: tuple[Any, ...]) -> None:
    function(*inputs)


def _forward_backward(
    function: Callable[..., Any], inputs: tuple[Any, ...]
) -> None:
    outputs = [one for one in _tensors(function(*inputs)) if one.requires_grad]
    torch.autograd.backward(outputs, [torch.ones_like(one) for one in outputs])


def _tensors(values: Any) -> Iterator[Tensor]:
    """Yield the tensors of nested sequences."""
    if isinstance(values, Tensor):
        yield values
    else:
        for value in values:
            yield from _tensors(value)
