"""Tasks and kinds of a test, gone after it."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path

from mmmtl.registry import METRICS, MODELS
from mmmtl.tasks import TASKS
from mmmtl.tasks import task as table
from mmmtl.tasks.kinds import KINDS

OUTSIDE = Path(__file__).parent / 'data/outside_project'


@contextlib.contextmanager
def own_table() -> Iterator[None]:
    """Bring rows, fields and kinds back to what they were."""
    kept = [
        (known, dict(known)) for known in (table._TABLE, table._FIELDS, KINDS)
    ]
    yield
    for known, before in kept:
        known.clear()
        known.update(before)


@contextlib.contextmanager
def outside_modules() -> Iterator[None]:
    """Let the modules of the outside project be found, and forget them."""
    sys.path.insert(0, str(OUTSIDE))
    try:
        with own_table():
            yield
    finally:
        sys.path.remove(str(OUTSIDE))
        forget_outside()


def forget_outside() -> None:
    """Leave of the outside project what a new process has: nothing."""
    modules = [path.stem for path in OUTSIDE.glob('*.py')]
    for name in modules:
        sys.modules.pop(name, None)
    for registry in (MODELS, METRICS):
        for name, known in list(registry.module_dict.items()):
            if known.__module__ in modules:
                registry.module_dict.pop(name)
    for name, kind in list(KINDS.items()):
        if kind.__module__ in modules:
            KINDS.pop(name)
            for task in [t for t, r in TASKS.items() if r.kind_name == name]:
                row = table._TABLE.pop(task)
                for field in (row.gt_field, row.pred_field):
                    table._FIELDS.pop(field)
