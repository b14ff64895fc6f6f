"""A head in several attention scopes, on features of a given size."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from .memory import measure_peak
from .model_setup import add_model_arguments, build_model
from .report import Result
from .timing import measure, paired_ratios, summarise

DIRECTIONS = ('forward', 'forward+backward')


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``benchmark.py attention``."""
    add_model_arguments(parser)
    parser.add_argument(
        '--scopes',
        nargs='+',
        default=['sample', 'batch', 'tokens'],
        help="values of the head's `attn_scope`",
    )
    parser.add_argument(
        '--directions', nargs='+', choices=DIRECTIONS, default=list(DIRECTIONS)
    )


def run(args: argparse.Namespace) -> Iterator[Result]:
    """Measure the head in every scope; ``ratio`` is to the first scope."""
    for direction in args.directions:
        arguments = {
            scope: dict(
                config=args.config,
                options=dict(args.cfg_options),
                scope=scope,
                direction=direction,
                shape=args.shape,
                device=args.device,
            )
            for scope in args.scopes
        }
        samples = measure(
            {scope: build(**case) for scope, case in arguments.items()},
            runs=args.runs,
            warmup=args.warmup,
            label=direction,
        )
        for scope, case in arguments.items():
            result = {
                'name': f'head {direction} {scope}',
                'case': case,
                **summarise(samples[scope]),
                **paired_ratios(samples[scope], samples[args.scopes[0]]),
            }
            if args.memory:
                result['memory'] = measure_peak(build, case)
            yield result


def build(
    *,
    config: str,
    options: Mapping[str, Any],
    scope: str,
    direction: str,
    shape: list[int],
    device: str,
) -> Callable[[], None]:
    """Return a case: the head on features, maybe with gradients.

    The features are those of an untrained model on a random image.
    """
    options = {**options, 'model.decode_head.attn_scope': scope}
    model, _ = build_model(config, options, device)
    head = model.decode_head
    with torch.no_grad():
        features = model.extract_feat(torch.randn(shape, device=device))
    if direction == 'forward':
        head.eval()
        return lambda: _forward(head, features)
    by_task = isinstance(features, Mapping)
    leaves = list(features.values() if by_task else features)
    for feature in leaves:
        feature.requires_grad_()
    sources = [*leaves, *head.parameters()]
    return lambda: _forward_backward(head, features, sources)


@torch.no_grad()
def _forward(head: nn.Module, features: Any) -> None:
    head(features)


def _forward_backward(
    head: nn.Module, features: Any, sources: Sequence[Tensor]
) -> None:
    total = sum(logits.sum() for logits in head(features).values())
    torch.autograd.grad(total, sources)
