"""Tasks and kinds of a test, gone after it."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

from mmmtl.registry import METRICS, MODELS
from mmmtl.tasks import task as table
from mmmtl.tasks.kinds import KINDS


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
    """Let the modules of the outside project be found, anew each time."""
    folder = Path(__file__).parent / 'data/outside_project'
    classes = (MODELS.module_dict, METRICS.module_dict)
    with (
        mock.patch.object(sys, 'path', [str(folder), *sys.path]),
        mock.patch.dict(sys.modules),
        mock.patch.dict(classes[0]),
        mock.patch.dict(classes[1]),
        own_table(),
    ):
        yield
