"""Show the coverage of each file, and refuse one below the floor.

usage: coverage_floor.py REPORT      REPORT: what `coverage json` wrote

Lines and branches count alike. A file may lie lower for a reason, which
stands here beside its own floor.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

FLOOR = 85.0
_SLOW = 'slow tests alone start {}'
#: File: (its floor, why the fast tests of a machine like CI's reach no more).
REASONS: dict[str, tuple[float, str]] = {
    'mmmtl/engine/distributed.py': (46, _SLOW.format('several processes')),
    'mmmtl/engine/fully_sharded.py': (44, _SLOW.format('several processes')),
    'mmmtl/engine/run_state.py': (82, _SLOW.format('several processes')),
    'mmmtl/engine/stopping.py': (65, _SLOW.format('runs that a signal ends')),
    'mmmtl/engine/train_loops.py': (
        80,
        _SLOW.format('runs that a signal ends'),
    ),
    'mmmtl/models/layers/deform_backends.py': (
        65,
        'operators that mmcv has compiled, for a CPU or a GPU',
    ),
}


def find_problems(
    shares: dict[str, float], reasons: dict[str, tuple[float, str]]
) -> list[str]:
    """Return a line for each file below its floor, and each stale reason.

    Args:
        shares: Per cent that ran, by file.
        reasons: Lower floors, by file.
    """
    problems = []
    for name, share in sorted(shares.items()):
        floor, _ = reasons.get(name, (FLOOR, ''))
        if share < floor:
            problems.append(f'{name}: {share:.1f} % is below {floor:g} %')
        elif name in reasons and share >= FLOOR:
            problems.append(f'{name}: {share:.1f} %, so it needs no reason')
    gone = sorted(reasons.keys() - shares.keys())
    return problems + [f'{name}: a reason, and no such file' for name in gone]


def main() -> None:
    """Read the report, print it, and end with 1 if something is too low."""
    report: dict[str, Any] = json.loads(Path(sys.argv[1]).read_text())
    shares = {
        name: file['summary']['percent_covered']
        for name, file in report['files'].items()
    }
    for name, share in sorted(shares.items(), key=lambda item: -item[1]):
        print(f'{share:6.1f} %  {name}')
    total = report['totals']
    print(
        f'{total["covered_lines"]} of {total["num_statements"]} lines and '
        f'{total["covered_branches"]} of {total["num_branches"]} branches: '
        f'{total["percent_covered"]:.1f} %'
    )
    for name, (_, reason) in REASONS.items():
        print(f'{name}: {reason}')
    problems = find_problems(shares, REASONS)
    if problems:
        sys.exit('\n'.join(problems))


if __name__ == '__main__':
    main()
