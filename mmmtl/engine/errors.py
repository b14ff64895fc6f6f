"""A user's mistake ends in one line and exit code 2, not in a traceback.

Every tool runs its body inside :func:`user_errors`. One line is enough for a
:class:`UserError`, for a file that is not there or cannot be written, for a
``ValueError`` that mmmtl itself raises, and for whatever goes wrong before
the first step is done: the line then names the place in the config
(:mod:`mmmtl.engine.config_place`). Anything else is a defect and keeps its
traceback. ``MMMTL_TRACEBACK=1`` shows every traceback.

Nothing heavy is imported here, so that ``--help`` answers at once.
"""

from __future__ import annotations

import errno
import os
import re
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mmmtl.dependency_check import check_dependencies
from mmmtl.engine.config_place import packed_files, place_in_config
from mmmtl.errors import DatasetError, UserError, printable

EXIT_CODE = 2
# The disk is full, or read-only, or a file is where a folder should be.
CANNOT_WRITE = (
    *(errno.ENOSPC, errno.EDQUOT, errno.EFBIG),
    *(errno.EROFS, errno.EACCES, errno.EPERM),
    *(errno.EEXIST, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG),
)
# Characters. Errors of others may quote a whole config.
LONGEST = 5000
LONGEST_OF_OTHERS = 500
PACKAGE_DIR = Path(__file__).resolve().parents[1]


@contextmanager
def user_errors(*, show_traceback: bool = False) -> Iterator[None]:
    """Turn a user's mistake into ``error: ...`` on stderr and exit code 2.

    Args:
        show_traceback: Let every error through unchanged.
    """
    try:
        yield
    except Exception as error:
        wants_all = os.environ.get('MMMTL_TRACEBACK', '0') not in ('', '0')
        message = describe(error)
        if message is None or show_traceback or wants_all:
            raise
        # Processes of one run fail together; say which one is speaking.
        alone = int(os.environ.get('WORLD_SIZE', '1')) <= 1
        who = '' if alone else f' (rank {os.environ.get("RANK", "?")})'
        text = printable(message, LONGEST)
        print(f'error{who}: {text}', file=sys.stderr, flush=True)
        sys.exit(EXIT_CODE)


def describe(error: Exception) -> str | None:
    """Return the line to show for an error, None if it is not the user's."""
    if isinstance(error, UserError):
        return str(error)
    if isinstance(error, ImportError):
        try:
            check_dependencies()
        except ImportError as missing:
            return str(missing)
    if isinstance(error, OSError) and error.errno in CANNOT_WRITE:
        return f'{error.strerror}: {error.filename or "while writing"}'
    if lost := _lost_partner(error):
        return (
            'another process of this run has ended or hangs, so this one ends '
            f'({lost}): its own error, or what the launcher reports of it, '
            'says which and why'
        )
    is_ours = isinstance(error, (ValueError, ImportError)) and _is_ours(error)
    text = _last_words(error)
    is_data = isinstance(error, DatasetError)  # it names its file
    place = place_in_config(error, only_built=is_data)
    if place is None:
        known = is_ours or isinstance(error, FileNotFoundError)
        return text if known else None
    where = f'config: {place}: ' if place else 'config: '
    if is_ours:
        return where + text
    text = printable(text, LONGEST_OF_OTHERS)
    code = '' if place else f' in "{_last_line(error)}"'
    return (
        f'{where}{type(error).__name__}: {text}{code} (MMMTL_TRACEBACK=1 '
        'shows where)'
    )


def _lost_partner(error: Exception) -> str | None:
    """Return in what words an operation of all processes lost one of them."""
    alone = int(os.environ.get('WORLD_SIZE', '1')) <= 1
    if alone or not isinstance(error, RuntimeError):
        return None
    words = r'[Cc]onnection (was )?(closed|reset)|Timed out waiting'
    found = re.search(f'{words}|remote process exited', str(error))
    return found and found[0]


def _is_ours(error: Exception) -> bool:
    """Tell whether the innermost frame is a file of this package."""
    frames = traceback.extract_tb(error.__traceback__)
    files = packed_files(str(error)) or [frame.filename for frame in frames]
    return bool(files) and PACKAGE_DIR in Path(files[-1]).resolve().parents


def _last_words(error: Exception) -> str:
    """Return an error's text in one line.

    A data loader worker packs its whole traceback into the text: only what
    follows the last frame is kept.
    """
    # The text of a KeyError is the repr of its message.
    is_key = isinstance(error, KeyError) and error.args
    text = str(error.args[0] if is_key else error)
    if not text.strip():  # an assertion without words
        return _last_line(error)
    lines = text.strip().splitlines()
    if 'Original Traceback' in text:
        last = max(i for i, line in enumerate(lines) if line[:2] == '  ')
        message = '\n'.join(lines[last + 1 :])
        lines = (message.partition(': ')[2] or message).splitlines()
    return ' '.join(line.strip() for line in lines)


def _last_line(error: Exception) -> str:
    return str(traceback.extract_tb(error.__traceback__)[-1].line)
