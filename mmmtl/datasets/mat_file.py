"""Reads a variable of a MATLAB file (format 5, as data sets publish)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from scipy.io import loadmat

from mmmtl.datasets.errors import MissingFileError, UnreadableFileError


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
