"""A head in several attention scopes, on features of a given size."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from torch import nn

from mmmtl.engine.user_errors import UserError

from .memory import measure_peak
from .model_setup import add_model_arguments, build_model
from .report import Result
from .timing import measure, paired_ratios, summarise

DIRECTIONS = ('forward', 'forward+backward')
STRIDE = 4  # of the features that heads with scopes read


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
    """Return a case: the head on random features, maybe with gradients."""
    options = {**options, 'model.decode_head.attn_scope': scope}
    model, loaded = build_model(config, options, device)
    head = model.decode_head
    channels = loaded.model.decode_head.get('channels')
    if channels is None:
        raise UserError(
            f'{config}: model.decode_head has no `channels`, so the features '
            'it reads are not known'
        )
    size = [-(-n // STRIDE) for n in shape[2:]]
    features = {
        task: torch.randn(shape[0], channels, *size, device=device)
        for task in head.tasks
    }
    if direction == 'forward':
        head.eval()
        return lambda: _forward(head, features)
    for feature in features.values():
        feature.requires_grad_()
    return lambda: _forward_backward(head, features)


@torch.no_grad()
def _forward(head: nn.Module, features: dict[str, torch.Tensor]) -> None:
    head(features)


def _forward_backward(
    head: nn.Module, features: dict[str, torch.Tensor]
) -> None:
    total = sum(logits.sum() for logits in head(features).values())
    sources = [*features.values(), *head.parameters()]
    torch.autograd.grad(total, sources)
