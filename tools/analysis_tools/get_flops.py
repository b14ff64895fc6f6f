"""Counts the multiply-adds of a model, truly and as the papers do.

Example:
    python tools/analysis_tools/get_flops.py demt_swin-t_nyud --shape 425 560

Nothing is computed: sizes alone go through the model, so a large one takes no
longer than a small one, and no weights are needed.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path[:0] = [str(Path(__file__).resolve().parent)]

from mmmtl.engine.cli import add_cfg_options  # noqa: E402
from mmmtl.engine.errors import user_errors  # noqa: E402

if TYPE_CHECKING:
    from torch import nn

GIGA = 1e9


def parse_args() -> argparse.Namespace:
    """Return the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('config', help='config file, or the name of one')
    parser.add_argument(
        '--shape',
        nargs=2,
        type=int,
        default=[425, 560],
        metavar=('H', 'W'),
        help='size of the image (default: 425 560, NYUD-v2)',
    )
    parser.add_argument(
        '--depth',
        type=int,
        default=1,
        help='levels of modules to show (default: 1)',
    )
    parser.add_argument('--out', type=Path, help='write all as JSON, too')
    add_cfg_options(parser)
    return parser.parse_args()


def main() -> None:
    """Run the tool."""
    args = parse_args()
    with user_errors():
        run(args)


def run(args: argparse.Namespace) -> None:
    """Count, print, write."""
    from benchmarks.models import build_model

    from mmmtl.engine.config import parse_options
    from mmmtl.errors import UserError
    from mmmtl.io.folders import check_out
    from mmmtl.io.json_file import write_json

    if min(args.shape) < 1:
        raise UserError(f'--shape {args.shape}: sizes from 1')
    if args.out is not None:
        check_out('--out', args.out)
    model, config = build_model(args.config, parse_options(args.cfg_options))
    report = count(model, tuple(args.shape))
    show(report, args.depth)
    if args.out is not None:
        write_json(
            args.out, dict(config=config.filename, shape=args.shape, **report)
        )


def count(model: nn.Module, size: tuple[int, int]) -> dict[str, Any]:
    """Return the counts of one image.

    Args:
        model: A segmentor on the CPU.
        size: Height and width of the image in pixels.

    Returns:
        ``modules``: by name (``''``: the whole) ``parameters``,
        ``products``, ``sampling`` (see ``count_by_module``) and ``papers``
        (see ``papers_count``); ``formulas``: modules whose last figure is a
        formula.
    """
    import torch
    from benchmarks.multiply_adds import Count, count_by_module
    from benchmarks.papers_count import papers_count
    from torch._subclasses.fake_tensor import FakeTensorMode

    from mmmtl.models.layers.deform_conv import DeformConv

    model = model.eval()
    for layer in model.modules():
        if isinstance(layer, DeformConv):
            layer.backend = 'torch'  # the only one that is seen inside

    def case() -> None:
        with torch.no_grad(), FakeTensorMode(allow_non_fake_inputs=True):
            model(torch.empty(1, 3, *size), mode='tensor')

    true = count_by_module(model, case)
    papers, formulas = papers_count(model, case)
    modules = {}
    for name, module in model.named_modules():
        found = true.get(name, Count(products=0, sampling=0))
        if found.products or found.sampling or papers.get(name):
            modules[name] = dict(
                parameters=sum(p.numel() for p in module.parameters()),
                products=found.products,
                sampling=found.sampling,
                papers=papers.get(name),
            )
    return dict(modules=modules, formulas=formulas)


def show(report: dict[str, Any], depth: int) -> None:
    """Print the modules down to a depth; units are millions and billions."""
    from rich.console import Console
    from rich.table import Table

    table = Table(title='multiply-adds of one image')
    table.add_column('module', no_wrap=True)
    for title in (
        'parameters (M)',
        'products (G)',
        'sampling (G)',
        'true (G)',
        "papers' count (G)",
    ):
        table.add_column(title, justify='right', no_wrap=True)
    names = [name for name in report['modules'] if name]
    shown = [name for name in names if name.count('.') < depth]
    for name in [*shown, '']:
        row = report['modules'][name]
        hidden = name.startswith(tuple(f'{f}.' for f in report['formulas']))
        papers = 0 if row['papers'] is None else row['papers']
        table.add_row(
            name or 'all',
            f'{row["parameters"] / 1e6:.3f}',
            f'{row["products"] / GIGA:.2f}',
            f'{row["sampling"] / GIGA:.2f}',
            f'{(row["products"] + row["sampling"]) / GIGA:.2f}',
            '' if hidden else f'{papers / GIGA:.2f}',
            end_section=not name,
        )
    Console(width=max(120, Console().width)).print(table)
    print(
        'true: what this code computes; matrix products, convolutions, '
        'attention, and four per value that is read between pixels'
    )
    print(
        "papers' count: ptflops on the released code, which overlooks "
        'deformable convolutions and attention written out by hand'
    )
    if report['formulas']:
        print(
            f'{" and ".join(report["formulas"])}: in the order of the '
            'released code, by a formula'
        )


if __name__ == '__main__':
    main()
