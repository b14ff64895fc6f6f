"""Mistakes of a user end in one line and exit code 2, not in a traceback.

Every tool runs its body inside :func:`user_errors`. What counts as a user's
mistake: a :class:`UserError`, a file that is not there, a ``ValueError``
raised by mmmtl itself (all its checks raise one), and the registry's errors
about unknown types and arguments. Anything else is a defect and keeps its
traceback, as everything does with ``MMMTL_TRACEBACK=1``.
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

EXIT_CODE = 2
PACKAGE_DIR = Path(__file__).resolve().parents[1]


class UserError(ValueError):
    """A mistake in a command, config or file; the text names the fix."""


class ErrorContext:
    """What is known when an error is explained.

    Attributes:
        config: The config in use, once it is loaded; it lets an unknown
            argument of a class be named by its place in the config.
    """

    def __init__(self) -> None:
        self.config: dict | None = None


@contextmanager
def user_errors(*, show_traceback: bool = False) -> Iterator[ErrorContext]:
    """Turn a user's mistake into ``error: ...`` on stderr and exit code 2.

    Args:
        show_traceback: Let every error through unchanged; the environment
            variable ``MMMTL_TRACEBACK=1`` does the same.

    Yields:
        A context; set its ``config`` as soon as there is one.
    """
    context = ErrorContext()
    try:
        yield context
    except Exception as error:
        wants_all = os.environ.get('MMMTL_TRACEBACK', '0') not in ('', '0')
        message = describe(error, context.config)
        if message is None or show_traceback or wants_all:
            raise
        # Processes of one run fail together; say which one is speaking.
        alone = int(os.environ.get('WORLD_SIZE', '1')) <= 1
        who = '' if alone else f' (rank {os.environ.get("RANK", "?")})'
        print(f'error{who}: {message}', file=sys.stderr, flush=True)
        sys.exit(EXIT_CODE)


def describe(error: Exception, config: dict | None) -> str | None:
    """Return the line to show for an error, None if it is not the user's.

    Args:
        error: What was raised.
        config: The config in use, if one was loaded.
    """
    from mmmtl.engine.explain_config_error import explain_config_error

    explained = explain_config_error(error, config)
    if explained is not None:
        return explained
    if isinstance(error, UserError):
        return str(error)
    if isinstance(error, FileNotFoundError):
        return str(error)
    if isinstance(error, ValueError) and _raised_by_us(error):
        return _last_words(str(error))
    return None


def _raised_by_us(error: Exception) -> bool:
    """Tell whether the innermost frame is a file of this package."""
    text = str(error)
    if 'Original Traceback' in text:  # re-raised from a data loader worker
        frames = [
            line.split('"')[1]
            for line in text.splitlines()
            if line.strip().startswith('File "')
        ]
        return bool(frames) and _is_ours(frames[-1])
    frames = traceback.extract_tb(error.__traceback__)
    return bool(frames) and _is_ours(frames[-1].filename)


def _is_ours(filename: str) -> bool:
    return PACKAGE_DIR in Path(filename).resolve().parents


def _last_words(text: str) -> str:
    """Drop the traceback that a data loader worker packs into its message."""
    if 'Original Traceback' not in text:
        return text
    lines = text.rstrip().splitlines()
    last_frame = max(
        i for i, line in enumerate(lines) if line.startswith('  ')
    )
    message = '\n'.join(lines[last_frame + 1 :])
    _, _, words = message.partition(': ')
    return words or message
