"""Draws how the tasks of a run were balanced, as one page.

Example:
    python tools/analysis_tools/plot_balancing.py work_dirs/demt_swin-t_nyud
"""

from __future__ import annotations

import argparse
import base64
import html
import io
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path

from mmmtl.engine.errors import user_errors
from mmmtl.errors import UserError
from mmmtl.io.folders import check_out, new_file
from mmmtl.io.run_logs import read_rows, scalar_files

#: A curve's iterations and values.
Curve = tuple[list[int], list[float]]
# What is drawn: title, label of the axis, logarithmic or not.
PANELS = {
    'loss': ('Loss of each task, weighted', 'loss', True),
    'weight': ('Weight of each task', 'weight', False),
    'norm': ("Norm of each task's gradient", 'norm', True),
    'cosine': ('Cosine between the gradients of two tasks', 'cosine', False),
}


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        'run', type=Path, help='work folder of a training, or scalars.json'
    )
    parser.add_argument(
        '--out',
        type=Path,
        help='page to write; default: balancing.html beside the scalars',
    )
    return parser.parse_args()


def main() -> None:
    """Write the page."""
    args = parse_args()
    with user_errors():
        scalars = scalar_files(args.run)[-1]
        out = args.out or scalars.with_name('balancing.html')
        check_out('--out', out)
        page = make_page(str(args.run), read_curves(scalars))
        with new_file(out) as partial:
            partial.write_text(page, encoding='utf-8')
        print(f'wrote {out}')


def read_curves(scalars: Path) -> dict[str, dict[str, Curve]]:
    """Read what belongs to each panel.

    Returns:
        ``{panel: {task, or pair of tasks: curve}}``.

    Raises:
        UserError: The file has nothing to draw.
    """
    curves: dict[str, dict[str, Curve]] = defaultdict(dict)
    for row in read_rows(scalars):
        for name, value in row.items():
            panel, label = _panel_of(name)
            if panel and 'step' in row:
                steps, values = curves[panel].setdefault(label, ([], []))
                steps.append(row['step'])
                values.append(value)
    if not curves:
        raise UserError(f'{scalars} holds no losses of tasks')
    return curves


def _panel_of(name: str) -> tuple[str | None, str]:
    """Return where a logged name is drawn, and as what."""
    first, _, rest = name.partition('.')
    if first in ('norm', 'cosine'):
        return first, rest.replace('.', ' and ')
    if rest == 'weight':
        return 'weight', first
    return ('loss', name) if 'loss' in rest else (None, '')


def make_page(title: str, curves: Mapping[str, Mapping[str, Curve]]) -> str:
    """Return one self-contained HTML page with a picture per panel."""
    parts = [
        f'<h2>{html.escape(PANELS[panel][0])}</h2>'
        f'<img alt="{panel}" src="data:image/svg+xml;base64,'
        f'{_svg(panel, curves[panel])}">'
        for panel in PANELS
        if panel in curves
    ]
    return (
        '<!doctype html><meta charset="utf-8">'
        f'<title>Balancing: {html.escape(title)}</title>'
        '<style>body{font:16px sans-serif;max-width:60em;margin:2em auto}'
        'img{width:100%}</style>'
        f'<h1>{html.escape(title)}</h1>{"".join(parts)}'
    )


def _svg(panel: str, curves: Mapping[str, Curve]) -> str:
    from matplotlib.figure import Figure

    _, label, logarithmic = PANELS[panel]
    figure = Figure(figsize=(9, 4), layout='constrained')
    axes = figure.add_subplot()
    for name, (steps, values) in curves.items():
        axes.plot(steps, values, label=name, marker='.', markersize=3)
    if logarithmic and _all_positive(curves.values()):
        axes.set_yscale('log')
    if panel == 'cosine':
        axes.axhline(0, color='black', linewidth=0.5)
        axes.set_ylim(-1, 1)
    axes.set(xlabel='iteration', ylabel=label)
    figure.legend(loc='outside right upper', fontsize='small')
    buffer = io.BytesIO()
    figure.savefig(buffer, format='svg', metadata={'Date': None})
    return base64.b64encode(buffer.getvalue()).decode()


def _all_positive(curves: Iterable[Curve]) -> bool:
    return all(value > 0 for _, values in curves for value in values)


if __name__ == '__main__':
    main()
