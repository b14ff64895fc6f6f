"""A folder that is either complete or not there, however a tool ends."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from mmmtl.errors import FolderExistsError

#: Where tools write what a folder was made from, and how.
META_FILE = 'meta.json'


@contextmanager
def new_folder(out: Path, what: str = 'is not empty') -> Iterator[Path]:
    """Give a folder to write in, which becomes ``out`` at the end.

    It lies beside ``out``; an error or Ctrl-C removes it with all it holds.

    Args:
        out: The folder to create. It may exist if it is empty.
        what: What else it is, for the error text.

    Yields:
        The folder to write in.

    Raises:
        FolderExistsError: ``out`` holds something.
    """
    out = Path(out).resolve()
    if out.exists() and not (out.is_dir() and not any(out.iterdir())):
        raise FolderExistsError(
            f'{out} already exists and {what}: remove it or name another '
            'folder'
        )
    out.parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=f'.{out.name}.', dir=out.parent))
    try:
        folder.chmod(0o777 & ~_umask())  # mkdtemp makes it private
        yield folder
        folder.rename(out)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


@contextmanager
def stoppable(tool: str) -> Iterator[None]:
    """End a tool in order when Ctrl-C or SIGTERM stops it.

    Around a block with :func:`new_folder`, whose folder is removed then.

    Args:
        tool: Its name, for the line on stderr.
    """
    signal.signal(signal.SIGTERM, _stop)
    try:
        yield
    except KeyboardInterrupt:
        print(f'{tool}: stopped, nothing was written', file=sys.stderr)
        sys.exit(130)


def _stop(signal_number: int, frame: FrameType | None) -> None:
    sys.exit(128 + signal_number)  # unwinds, so that the clean-up runs
