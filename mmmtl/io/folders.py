"""Files and folders that are either complete or not there.

However a tool ends: by an error, a full disk, Ctrl-C or a kill. What a kill
leaves has a name that ends in ``partial``, before the suffix of a file. The
next process that writes the same folder, or a file in it, removes it.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
import signal
import socket
import sys
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from types import FrameType

from mmmtl.errors import FolderExistsError, UserError

#: Where tools write what a folder was made from, and how.
META_FILE = 'meta.json'
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def check_out(option: str, path: str | Path, *endings: str) -> None:
    """Refuse a file that could not be written at the end.

    Args:
        option: Where it was named, for the error text.
        path: The file to write.
        endings: What its name may end in; anything if left out.

    Raises:
        UserError: Its name, or the folder, does not do.
    """
    path = Path(path)
    if path.is_dir() or (endings and path.suffix not in endings):
        found = ' is a folder' if path.is_dir() else ''
        wanted = f' that ends in {" or ".join(endings)}' if endings else ''
        raise UserError(f'{option} {path}{found}: name a file{wanted}')
    _check_place(f'{option} {path}', path.parent)


def check_out_dir(option: str, path: str | Path) -> None:
    """Refuse a folder in which nothing could be written.

    Args:
        option: Where it was named, for the error text.
        path: The folder; it need not exist yet.

    Raises:
        UserError: It is no folder, or nothing can be written there.
    """
    _check_place(f'{option} {path}', Path(path))


def _check_place(said: str, path: Path) -> None:
    path = path.absolute()
    folder = next(place for place in (path, *path.parents) if place.exists())
    try:  # permissions alone do not tell: the disk may be read-only
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        raise UserError(
            f'{said}: {folder} is no folder to write into ({error.strerror})'
        ) from error


@contextmanager
def new_file(path: str | Path) -> Iterator[Path]:
    """Give a path to write to, whose file becomes ``path`` at the end.

    It lies beside ``path`` and has its suffix. An error removes it; a file
    that was there before stays until the new one is complete. What killed
    processes of this machine have left in the folder is removed first.

    Args:
        path: The file to write; its folder is made if needed.

    Yields:
        The path to write to.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    _remove_orphans(path.parent.absolute())
    partial = path.with_name(
        f'.{path.stem}.{_machine()}-{os.getpid()}.partial{path.suffix}'
    )
    try:
        yield partial
        partial.replace(path)
    except OSError as error:
        # A full disk does not say which file there was no room for.
        unnamed = error.filename is None and error.errno in _NO_ROOM
        if unnamed or error.filename == str(partial):
            error.filename = str(path)
        raise
    finally:
        partial.unlink(missing_ok=True)


@cache  # once per process: a folder may hold very many files
def _remove_orphans(folder: Path) -> None:
    name = re.compile(rf'\..*\.{_machine()}-(\d+)\.partial(\.[^.]*)?')
    with suppress(OSError):  # not ours to list, or gone by now
        for path in folder.iterdir():
            match = name.fullmatch(path.name)
            if match and not _is_alive(int(match[1])):
                path.unlink(missing_ok=True)


@cache
def _machine() -> str:
    """Return a short name: a process number means nothing elsewhere."""
    said = socket.gethostname()
    with suppress(OSError):  # containers may have the name of their host
        said += os.readlink('/proc/self/ns/pid')
    return f'{zlib.crc32(said.encode()):08x}'


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)  # asks only
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        pass
    return True


@contextmanager
def new_folder(out: Path, what: str = 'is not empty') -> Iterator[Path]:
    """Give a folder to write in, which becomes ``out`` at the end.

    It lies beside ``out``; an error or Ctrl-C removes it with all it holds.
    What a killed process has left of an earlier try is removed first.

    Args:
        out: The folder to create. It may exist if it is empty.
        what: What else it is, for the error text.

    Yields:
        The folder to write in.

    Raises:
        FolderExistsError: ``out`` holds something.
        UserError: Another process is writing ``out``.
    """
    out = Path(out).resolve()
    if out.exists() and not (out.is_dir() and not any(out.iterdir())):
        raise FolderExistsError(
            f'{out} already exists and {what}: remove it or name another '
            'folder'
        )
    out.parent.mkdir(parents=True, exist_ok=True)
    with locked(out.with_name(f'.{out.name}.lock'), out):
        # Nobody else writes `out`: whatever is left of it has no owner.
        unfinished = re.compile(rf'\.{re.escape(out.name)}\.\w{{8}}\.partial')
        for path in out.parent.iterdir():
            if unfinished.fullmatch(path.name):
                shutil.rmtree(path, ignore_errors=True)
        folder = Path(
            tempfile.mkdtemp('.partial', f'.{out.name}.', out.parent)
        )
        try:
            folder.chmod(0o777 & ~_umask())  # mkdtemp makes it private
            yield folder
            folder.rename(out)
        finally:
            shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def locked(
    path: Path, folder: str | Path, *, wait: float = 0.0
) -> Iterator[None]:
    """Hold a lock, or say who does.

    The operating system gives the lock back however its process ends, so a
    lock file that was left behind locks nothing. The file holds process and
    host, for the error text of others.

    Args:
        path: The lock file; its folder is made if needed.
        folder: What it protects, for the error text.
        wait: Seconds to wait for another process.

    Raises:
        UserError: Another process has it.
    """
    from filelock import FileLock, Timeout  # slow to import

    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path)
    try:
        lock.acquire(timeout=wait)
    except Timeout:
        process, host, *_ = [*path.read_text('utf-8').split(), '?', '?']
        raise UserError(
            f'{folder} is in use: process {process} on {host} writes there; '
            'wait for its end, or name another folder'
        ) from None
    try:
        path.write_text(f'{os.getpid()}\n{socket.gethostname()}\n', 'utf-8')
        yield
    finally:
        path.unlink(missing_ok=True)  # who waits makes a new one
        lock.release()


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
