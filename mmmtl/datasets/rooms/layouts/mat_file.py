"""MATLAB files whose bytes depend on their content only."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np


def structs(rows: list[dict], fields: Sequence[str]) -> np.ndarray:
    """Rows as MATLAB's 1xN struct array; none as its empty matrix."""
    if not rows:
        return np.zeros((0, 0))
    array = np.empty((1, len(rows)), [(name, object) for name in fields])
    for index, row in enumerate(rows):
        array[0, index] = tuple(row[name] for name in fields)
    return array


def write_mat(path: Path, name: str, value: np.ndarray | dict) -> None:
    """Write one variable.

    Args:
        path: The file.
        name: The variable.
        value: An array; a dictionary becomes a struct.
    """
    # Not at the top: half of the renderer's users have no use for it.
    from scipy.io import savemat

    buffer = io.BytesIO()
    savemat(buffer, {name: value}, do_compression=True)
    data = buffer.getvalue()
    # The text at the start holds date and platform; the bytes must depend on
    # the arguments only. It is 116 bytes long.
    text = b'MATLAB 5.0 MAT-file, written by mmmtl'.ljust(116)
    path.write_bytes(text + data[116:])
