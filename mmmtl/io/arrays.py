"""Reads a variable of a MATLAB file (format 5, as data sets publish)."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from scipy.io import loadmat

from mmmtl.errors import MissingFileError, UnreadableFileError


def read_mat(path: str | Path, name: str) -> np.ndarray:
    """Read one variable.

    Args:
        path: The file.
        name: The variable.

    Returns:
        The array; a struct is an array with named fields.

    Raises:
        MissingFileError: If there is no such file.
        UnreadableFileError: If it is no such MATLAB file, is truncated, or
            does not hold the variable.
    """
    try:
        content = loadmat(str(path), variable_names=(name,), appendmat=False)
    except FileNotFoundError as error:
        raise MissingFileError(f'{path}: no such file; restore it') from error
    # What a broken file raises depends on where it breaks: zlib's errors,
    # numpy's, struct's, TypeError, KeyError, MemoryError have been seen.
    except Exception as error:
        reason = ' '.join(str(error).split()) or type(error).__name__
        raise UnreadableFileError(
            f'{path} is unreadable ({reason}): it may be truncated, write it '
            'again'
        ) from error
    if name not in content:
        raise UnreadableFileError(
            f'{path} holds no variable {name!r}: it is another file, or it '
            'is truncated; write it again'
        )
    return content[name]


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


_KINDS = {'iu': 'whole numbers', 'u': 'uint8', 'f': 'floating point'}


def check_map(stored: np.ndarray, what: str, kinds: str) -> None:
    """Refuse an array that is no map of one value per pixel.

    Args:
        stored: What a file holds.
        what: What the values are, for the error text.
        kinds: The kinds of numpy types to accept: ``'iu'``, ``'u'`` or
            ``'f'``.

    Raises:
        ValueError: If it has another shape or type.
    """
    if stored.ndim != 2 or stored.dtype.kind not in kinds:
        raise ValueError(
            f'is {stored.dtype} {stored.shape}: write (H, W) {_KINDS[kinds]} '
            f'({what})'
        )


def check_bytes(stored: np.ndarray, what: str) -> None:
    """Refuse an array that is no map of one byte per pixel.

    Args:
        stored: What a file holds.
        what: What the values are, for the error text.

    Raises:
        ValueError: If it has another shape or type.
    """
    if stored.ndim != 2 or stored.dtype != np.uint8:
        raise ValueError(
            f'is {stored.dtype} {stored.shape}: write a picture of one '
            f'channel of 8 bits ({what})'
        )
