"""tools/dev/coverage_floor.py on reports of two files."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

TOOL = Path(__file__).parents[2] / 'tools' / 'dev' / 'coverage_floor.py'


def report(path: Path, **shares: float) -> Path:
    totals = dict.fromkeys(
        ('covered_lines', 'num_statements', 'covered_branches'), 3
    )
    content = {
        'files': {
            f'mmmtl/{name}.py': {'summary': {'percent_covered': share}}
            for name, share in shares.items()
        },
        'totals': {**totals, 'num_branches': 4, 'percent_covered': 86.7},
    }
    path.write_text(json.dumps(content))
    return path


def run(
    report: Path, reasons: dict[str, tuple[float, str]]
) -> subprocess.CompletedProcess[str]:
    code = (
        'import runpy, sys; tool = runpy.run_path(sys.argv.pop(1)); '
        f'tool["REASONS"].clear(); tool["REASONS"].update({reasons!r}); '
        'tool["main"]()'
    )
    call = [sys.executable, '-c', code, str(TOOL), str(report)]
    return subprocess.run(call, capture_output=True, text=True)


def test_every_file_is_shown_best_first(tmp_path: Path) -> None:
    done = run(report(tmp_path / 'c.json', low=85.0, high=99.96), {})
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        ' 100.0 %  mmmtl/high.py',
        '  85.0 %  mmmtl/low.py',
        '3 of 3 lines and 3 of 4 branches: 86.7 %',
    ]


@pytest.mark.parametrize(
    ('reasons', 'problem'),
    [
        ({}, 'mmmtl/low.py: 84.9 % is below 85 %'),
        (
            {'mmmtl/low.py': (84.95, 'x')},
            'mmmtl/low.py: 84.9 % is below 84.95',
        ),
        ({'mmmtl/low.py': (80, 'no GPU')}, ''),
        (
            {'mmmtl/low.py': (80, 'no GPU'), 'mmmtl/high.py': (80, 'old')},
            'mmmtl/high.py: 90.0 %, so it needs no reason',
        ),
        (
            {'mmmtl/low.py': (80, 'no GPU'), 'mmmtl/old.py': (80, 'old')},
            'mmmtl/old.py: a reason, and no such file',
        ),
    ],
)
def test_a_file_below_its_floor_or_a_stale_reason_is_refused(
    tmp_path: Path, reasons: dict[str, tuple[float, str]], problem: str
) -> None:
    done = run(report(tmp_path / 'c.json', low=84.9, high=90.0), reasons)
    assert (done.returncode == 1) == bool(problem)
    assert done.stderr.startswith(problem)
    assert len(done.stderr.splitlines()) == bool(problem)
