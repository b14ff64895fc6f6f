"""What a training has logged: the scalars that mmengine writes as lines."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mmmtl.errors import UserError
from mmmtl.io.plain_files import read_lines

Row = dict[str, Any]

# Larger whole numbers are not exact in a browser.
_MOST = 2**53


def scalar_files(run: Path) -> list[Path]:
    """List the logs of a work folder, the oldest first.

    Args:
        run: Work folder of a training, one of the folders in it that are
            called by their time, or one log.

    Raises:
        UserError: There is none.
    """
    if run.is_file():
        return [run]
    found = sorted(run.glob('*/vis_data/scalars.json'))
    found = found or sorted(run.glob('vis_data/scalars.json'))
    if not found:
        raise UserError(
            f'{run} has no */vis_data/scalars.json: name the work folder of '
            'a training'
        )
    return found


def read_rows(scalars: Path) -> list[Row]:
    """Read the lines of a log.

    Args:
        scalars: The file. Its last line may be cut off, as in a training
            that is going on or was killed, and is left out then.

    Raises:
        UserError: It is no log.
    """
    lines = read_lines(scalars)
    rows = []
    for number, line in enumerate(lines, 1):
        try:
            rows.append(dict(json.loads(line)))
        except (ValueError, TypeError, RecursionError) as error:
            if number == len(lines) and line.startswith('{'):
                break
            raise UserError(f'{scalars} is no log: {error}') from error
    return rows


def read_run(run: Path) -> list[Row]:
    """Read all that a training has logged, over all its resumptions.

    Where a resumed training did steps again, the later ones count: they
    made its weights. A training that began anew in the folder replaces what
    was there.

    Args:
        run: Work folder of a training, or one log.

    Returns:
        Rows with ``step``, the iterations done, in increasing order.

    Raises:
        UserError: There is no log, or one is none.
    """
    joined: list[Row] = []
    for file in scalar_files(run):
        rows = _in_iterations(read_rows(file))
        first = min((row['step'] for row in rows), default=math.inf)
        joined = [row for row in joined if row['step'] < first] + rows
    return sorted(joined, key=lambda row: row['step'])


def is_training_row(row: Row) -> bool:
    """Tell whether a row is of training steps, not of a validation."""
    return 'iter' in row or 'lr' in row


def _in_iterations(rows: Sequence[Row]) -> list[Row]:
    """Count validations in iterations where they are logged by epoch."""
    rows = [row for row in rows if _is_count(row.get('step'))]
    ends: dict[int, int] = {}  # by epoch its last iteration
    for row in rows:
        if is_training_row(row) and 'epoch' in row:
            ends[row['epoch']] = row['step']
    return [
        row
        if is_training_row(row)
        else {**row, 'step': ends.get(row['step'], row['step'])}
        for row in rows
    ]


def _is_count(step: Any) -> bool:
    return isinstance(step, (int, float)) and 0 <= step < _MOST
