"""A user's mistake ends in one line and exit code 2, not in a traceback.

Every tool runs its body inside :func:`user_errors`. One line is enough for a
:class:`UserError`, for a file that is not there or cannot be written, for a
``ValueError`` that mmmtl itself raises, and for whatever goes wrong while
something is built from a config: the line then names the place in the config.
Anything else is a defect and keeps its traceback. ``MMMTL_TRACEBACK=1`` shows
every traceback.

Nothing heavy is imported here, so that ``--help`` answers at once.
"""

from __future__ import annotations

import errno
import os
import re
import sys
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mmmtl.dependency_check import check_dependencies
from mmmtl.errors import UserError

EXIT_CODE = 2
# The disk is full, or read-only, or a file is where a folder should be.
CANNOT_WRITE = (
    *(errno.ENOSPC, errno.EDQUOT, errno.EFBIG),
    *(errno.EROFS, errno.EACCES, errno.EPERM),
    *(errno.EEXIST, errno.ENOTDIR, errno.EISDIR),
)
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
        print(f'error{who}: {message}', file=sys.stderr, flush=True)
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
    place = _place_in_config(error)
    if place is None:
        known = is_ours or isinstance(error, FileNotFoundError)
        return text if known else None
    if is_ours:
        return f'config: {place}: {text}'
    return (
        f'config: {place}: {type(error).__name__}: {text} '
        '(MMMTL_TRACEBACK=1 shows where)'
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
    text = str(error)
    if 'Original Traceback' in text:  # re-raised from a data loader worker
        files = [
            line.split('"')[1]
            for line in text.splitlines()
            if line.strip().startswith('File "')
        ]
    else:
        frames = traceback.extract_tb(error.__traceback__)
        files = [frame.filename for frame in frames]
    return bool(files) and PACKAGE_DIR in Path(files[-1]).resolve().parents


def _last_words(error: Exception) -> str:
    """Return an error's text in one line.

    A data loader worker packs its whole traceback into the text: only what
    follows the last frame is kept.
    """
    # The text of a KeyError is the repr of its message.
    is_key = isinstance(error, KeyError) and error.args
    text = str(error.args[0] if is_key else error)
    lines = text.strip().splitlines()
    if 'Original Traceback' in text:
        last = max(i for i, line in enumerate(lines) if line[:2] == '  ')
        message = '\n'.join(lines[last + 1 :])
        lines = (message.partition(': ')[2] or message).splitlines()
    return ' '.join(line.strip() for line in lines)


def _place_in_config(error: Exception) -> str | None:
    """Say which part of a config was being built, None if nothing was.

    mmengine builds everything in one function, whose frames in the traceback
    hold the dicts they build from. The config is the outermost one that a
    frame holds. The innermost dict that stands in the config is the place.
    The little that the runner sets up by itself has no place.
    """
    # Not imported here: as long as nobody else has, nothing was built.
    module = sys.modules.get('mmengine.registry.build_functions')
    if module is None:
        return None
    from mmengine.config import Config
    from mmengine.runner import Runner

    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    code = module.build_from_cfg.__code__
    built = [
        _as_written(f.f_locals['cfg']) for f in frames if f.f_code is code
    ]
    if not built:
        codes = [frame.f_code for frame in frames]
        return 'Runner' if Runner.__init__.__code__ in codes else None
    values = (value for frame in frames for value in frame.f_locals.values())
    config = next((v for v in values if isinstance(v, Config)), {})
    kind = built[-1].get('type', 'no type')
    name = getattr(kind, '__name__', str(kind))
    for part in reversed(built):
        if places := _find(part, config):
            return f'{" or ".join(places[:3])} ({name})'
    return name


def _as_written(part: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a part of a config with the type that the config names."""
    written = getattr(part.get('type'), 'stands_for', None)
    return {**part, 'type': written} if written else part


def _find(part: Mapping[str, Any], config: Any) -> list[str]:
    """Return the paths of a dict in a config.

    Who builds a part may add arguments to it, or take some out.
    """
    from mmmtl.engine.config import walk_dicts

    kind = part.get('type')
    nodes = {
        path: node
        for path, node in walk_dicts(config)
        if path and node.get('type') == kind
    }
    same = [path for path, node in nodes.items() if node == part]
    within = [
        path
        for path, node in nodes.items()
        if node and all(k in part and part[k] == node[k] for k in node)
    ]
    return same or within or (list(nodes) if kind else [])
