"""How a file that anybody may have written is opened: the first checks."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import Any


def check_regular(path: str | Path) -> None:
    """Refuse what is no file: opening a pipe waits for a writer for ever.

    Args:
        path: The file.

    Raises:
        OSError: It is missing, or something else.
    """
    if not stat.S_ISREG(os.stat(path).st_mode):
        raise OSError('it is a folder, a pipe or a device, not a file')


def read_text(path: str | Path) -> str:
    """Read a text file, with or without the mark that Windows puts first.

    Args:
        path: The file, in UTF-8.

    Raises:
        OSError: It is missing, or no file.
        ValueError: It is no such text.
    """
    check_regular(path)
    try:
        return Path(path).read_text('utf-8-sig')
    except UnicodeDecodeError as error:  # which holds the whole file
        raise ValueError(
            f'{path} is no text in UTF-8: {error.reason} at byte {error.start}'
        ) from None


def read_json(path: str | Path) -> Any:
    """Read a JSON file.

    Args:
        path: See :func:`read_text`.

    Raises:
        OSError: It is missing, or no file.
        ValueError: It is no JSON.
    """
    try:
        return json.loads(read_text(path))
    except RecursionError as error:  # a thousand brackets in each other
        raise ValueError('nested too deeply') from error


def read_lines(path: str | Path) -> list[str]:
    """Read the lines of a text file that hold something, without margins.

    Args:
        path: See :func:`read_text`.
    """
    # In lists that were joined the mark of Windows is in the middle, too.
    text = read_text(path).replace('\ufeff', '')
    # Not splitlines: names may hold characters that end a line elsewhere.
    lines = (line.strip() for line in text.split('\n'))
    return [line for line in lines if line]
