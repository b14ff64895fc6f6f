"""Tasks and kinds of a test, gone after it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

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
