"""Measures speed and memory; results go to JSON.

``python tools/analysis_tools/benchmark.py SUBJECT ... --out result.json``

Cases that are compared run in turn, so that they share the noise of the
machine, and their ratio is taken within a round. Peak memory is that of a
process of its own.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from pathlib import Path

# Also when this file is loaded from elsewhere, as by its test.
sys.path.insert(0, str(Path(__file__).resolve().parent))

from mmmtl.engine.errors import UserError, user_errors

SUBJECTS = {
    'deform': 'back ends of the deformable convolution',
    'model': 'forward pass and training step of a config, and their parts',
    'operators': 'stages of a method against bare operators in plain form',
    'attention': 'a head in several attention scopes',
    'sharing': "MulT's decoder against a decoder per task",
    'cross_attention': "SCA-MTL's attention at several sizes",
    'pipeline': 'training pipeline of a config, images per second',
    'boundary': 'boundary evaluation, seconds per map',
}


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """Return the command line."""
    parser = argparse.ArgumentParser(description='Measure speed and memory')
    subjects = parser.add_subparsers(dest='subject', required=True)
    for name, text in SUBJECTS.items():
        subject = subjects.add_parser(name, help=text, description=text)
        importlib.import_module(f'benchmarks.{name}').add_arguments(subject)
        _add_common_arguments(subject)
    return parser.parse_args(argv)


def benchmark(args: argparse.Namespace) -> None:
    """Measure as the command line says."""
    import torch
    from benchmarks.machine import load_average
    from benchmarks.report import make_report, publish

    if args.runs < 1 or args.warmup < 0:
        raise UserError(
            f'--runs {args.runs} --warmup {args.warmup}: give at least 1 '
            'run and no negative number'
        )
    if args.threads is not None:
        torch.set_num_threads(args.threads)
    load_before = load_average()
    module = importlib.import_module(f'benchmarks.{args.subject}')
    results = list(module.run(args))
    report = make_report(
        args.subject,
        settings=vars(args),
        results=results,
        load_before=load_before,
    )
    publish(report, args.out)


def main() -> None:
    """Run the tool."""
    args = parse_args()
    with user_errors(show_traceback=args.traceback):
        benchmark(args)


def _add_common_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('--out', metavar='FILE.json', help='write it there')
    parser.add_argument('--runs', type=int, default=10, help='that count')
    parser.add_argument('--warmup', type=int, default=2, help='runs before')
    parser.add_argument('--threads', type=int, help='of PyTorch')
    parser.add_argument('--device', default='cpu', help='cpu or cuda')
    parser.add_argument(
        '--no-memory',
        dest='memory',
        action='store_false',
        help='do not measure peak memory (a process of its own per case)',
    )
    parser.add_argument(
        '--traceback',
        action='store_true',
        help='show the whole traceback of an error',
    )


if __name__ == '__main__':
    main()
