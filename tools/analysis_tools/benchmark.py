"""Measures speed and memory; results go to JSON.

``python tools/analysis_tools/benchmark.py SUBJECT ... --out result.json``

Cases that are compared run in turn, so that they share the noise of the
machine, and their ratio is taken within a round. Peak memory is that of a
process of its own.

``operators`` and ``model`` need the folder tests/ of a checkout: the
released arithmetic is in tests/reference.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

# Also when this file is loaded from elsewhere, as by its test.
_FOLDER = Path(__file__).resolve().parent
sys.path[:0] = [str(_FOLDER), str(_FOLDER.parents[1])]

from mmmtl.engine.errors import user_errors  # noqa: E402
from mmmtl.errors import UserError  # noqa: E402

SUBJECTS = {
    'deform': 'back ends of the deformable convolution',
    'model': 'forward pass and training step of a config, and variants',
    'operators': 'stages of a method against the released arithmetic',
    'sharing': "MulT's decoder against a decoder per task",
    'cross_attention': "SCA-MTL's attention at several sizes",
    'pipeline': 'training pipeline of a config, per image',
    'boundary': 'boundary evaluation, per map',
    'deploy': 'a model and its exported files',
}


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """Return the command line."""
    argv = sys.argv[1:] if argv is None else argv
    parser = argparse.ArgumentParser(description='Measure speed and memory')
    subjects = parser.add_subparsers(dest='subject', required=True)
    for name, text in SUBJECTS.items():
        subject = subjects.add_parser(name, help=text, description=text)
        if argv[:1] == [name]:  # the others would take seconds to import
            part = importlib.import_module(f'benchmarks.{name}')
            part.add_arguments(subject)
        add = subject.add_argument
        add('--out', metavar='FILE.json', help='write it there')
        add('--runs', type=int, default=10, help='that count')
        add('--warmup', type=int, default=2, help='runs before')
        add('--threads', type=int, help='of PyTorch')
        add('--device', default='cpu', help='cpu or cuda')
        add(
            '--no-memory',
            dest='memory',
            action='store_false',
            help='no peak memory (Linux; a process of its own per case)',
        )
        add('--traceback', action='store_true', help='of an error, whole')
    return parser.parse_args(argv)


def benchmark(args: argparse.Namespace) -> None:
    """Measure as the command line says."""
    import torch
    from benchmarks import report

    from mmmtl.apis.init_model import check_device
    from mmmtl.engine.config import parse_options
    from mmmtl.io.folders import check_out

    check_device(args.device)
    for option in ('out', 'plot'):
        if path := getattr(args, option, None):
            check_out(f'--{option}', path)
    if hasattr(args, 'cfg_options'):
        args.cfg_options = parse_options(args.cfg_options)
    if args.runs < 1:
        raise UserError(f'--runs {args.runs}: give at least 1')
    if args.threads is not None:
        torch.set_num_threads(args.threads)
    load_before = os.getloadavg()[0]
    subject = importlib.import_module(f'benchmarks.{args.subject}')
    results = list(_results(subject, args))
    made = report.make_report(args.subject, vars(args), results, load_before)
    report.publish(made, args.out)
    if getattr(args, 'plot', None):
        subject.plot(results, args.plot)


def _results(
    subject: ModuleType, args: argparse.Namespace
) -> Iterator[dict[str, Any]]:
    """Measure one group of a subject's cases after another.

    A subject has ``groups(args)``, ``build(args, **case)``, which makes a
    case, and maybe ``facts(made, args, **case)``, what else is known of it,
    and ``plot(results, path)``.
    """
    from benchmarks.measure import measure, measure_peak, summarise

    facts = getattr(subject, 'facts', lambda *_, **__: {})
    for group in subject.groups(args):
        cases = {
            name: subject.build(args, **case)
            for name, case in group.cases.items()
        }
        samples = measure(
            cases, runs=args.runs, warmup=args.warmup, label=group.label
        )
        for name, case in group.cases.items():
            result = {
                'name': f'{group.label} {name}',
                'case': case,
                **summarise(samples[name], samples[group.base]),
                **facts(cases[name], args, **case),
            }
            if args.memory and group.memory and sys.platform == 'linux':
                result['memory'] = measure_peak(subject.build, args, case)
            yield result


def main() -> None:
    """Run the tool."""
    args = parse_args()
    with user_errors(show_traceback=args.traceback):
        benchmark(args)


if __name__ == '__main__':
    main()
