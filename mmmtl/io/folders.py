"""A folder that is either complete or not there."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def new_folder(out: Path) -> Iterator[Path]:
    """Give a folder to write in, which becomes ``out`` at the end.

    It lies beside ``out``; an error or Ctrl-C removes it with all it holds.

    Args:
        out: The folder to create. It may exist if it is empty.

    Yields:
        The folder to write in.

    Raises:
        FileExistsError: ``out`` holds something.
    """
    out = Path(out).resolve()
    if out.exists() and not (out.is_dir() and not any(out.iterdir())):
        raise FileExistsError(
            f'{out} already exists and is not empty: remove it or name '
            'another folder'
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
