"""SCA-MTL against the same computation in the released code's form."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor

from .memory import measure_peak
from .model_setup import add_model_arguments, build_model
from .released_sca import BuiltForm, PlainForm
from .report import Result
from .timing import Case, measure, paired_ratios, summarise

DIRECTIONS = ('forward', 'forward+backward')
FORMS = {'ours': BuiltForm, 'plain': PlainForm}
STAGES = ('attend', 'exchange', 'aggregate', 'whole')
# Largest deviation between the forms, as a share of the largest value. Float
# noise is some 1e-5 of it.
TOLERANCE = 1e-3


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``benchmark.py sca``."""
    add_model_arguments(parser)
    parser.set_defaults(shape=[1, 3, 480, 640])
    parser.add_argument(
        '--directions', nargs='+', choices=DIRECTIONS, default=list(DIRECTIONS)
    )
    parser.add_argument(
        '--stages', nargs='+', choices=STAGES, default=list(STAGES)
    )


def run(args: argparse.Namespace) -> Iterator[Result]:
    """Measure every stage in both forms; ``ratio`` is to the plain one.

    Forward is inference. With gradients, ``whole`` is the supervised model
    with its initial predictions, as in training. Both forms must give the
    same numbers.
    """
    shared = dict(
        config=args.config,
        options=dict(args.cfg_options),
        shape=args.shape,
        device=args.device,
    )
    for stage in args.stages:
        apart = deviation(**shared, stage=stage)
        if apart > TOLERANCE:
            raise RuntimeError(
                f'stage {stage!r}: the two forms differ by {apart:.1e} of '
                'the largest value; they are not the same computation'
            )
        for direction in args.directions:
            cases = {
                form: dict(
                    **shared, stage=stage, form=form, direction=direction
                )
                for form in FORMS
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
    training = direction != 'forward'
    built, inputs = prepare(config, options, stage, shape, device, training)
    name = 'supervised' if training and stage == 'whole' else stage
    function = getattr(FORMS[form](built.model), name)
    if not training:
        return lambda: _forward(function, inputs)

    def step() -> None:
        outputs = list(tensors(function(inputs)))
        gradients = [torch.ones_like(one) for one in outputs]
        torch.autograd.backward(outputs, gradients)

    return step


@torch.no_grad()
def _forward(function: Callable[..., Any], inputs: Any) -> None:
    function(inputs)


def prepare(
    config: str,
    options: Mapping[str, Any],
    stage: str,
    shape: list[int],
    device: str,
    training: bool,
) -> tuple[BuiltForm, Any]:
    """Return the model as built here, and what a stage of it is fed."""
    model, _ = build_model(config, options, device)
    built = BuiltForm(model.train(training))
    inputs = torch.randn(shape, device=device)
    if stage == 'whole':
        return built, inputs
    with torch.no_grad():
        inputs = model.backbone(inputs)
        if stage != 'attend':
            inputs = built.attend(inputs)
        if stage == 'aggregate':
            inputs = built.exchange(inputs)[1]
    if training:
        for tensor in tensors(inputs):
            tensor.requires_grad_()
    return built, inputs


@torch.no_grad()
def deviation(
    *,
    config: str,
    options: Mapping[str, Any],
    stage: str,
    shape: list[int],
    device: str,
) -> float:
    """Return how far the two forms of a stage are apart.

    Returns:
        Largest difference as a share of the largest value.
    """
    built, inputs = prepare(config, options, stage, shape, device, False)
    results = [
        list(tensors(getattr(form(built.model), stage)(inputs)))
        for form in FORMS.values()
    ]
    largest = max(float(one.abs().max()) for one in results[1])
    apart = max(
        float((ours - plain).abs().max())
        for ours, plain in zip(*results, strict=True)
    )
    return apart / largest


def tensors(values: Any) -> Iterator[Tensor]:
    """Yield the tensors of nested sequences and dictionaries."""
    if isinstance(values, Tensor):
        yield values
        return
    for value in values.values() if isinstance(values, Mapping) else values:
        yield from tensors(value)
