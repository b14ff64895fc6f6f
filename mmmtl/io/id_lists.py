"""Text files with one id per line: splits and lists of images."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from mmmtl.errors import DatasetError, printable
from mmmtl.io.folders import new_file
from mmmtl.io.plain_files import read_lines

#: Bytes, of any part of a path on all usual file systems.
LONGEST_NAME = 255


def read_ids(path: Path, hint: str) -> list[str]:
    """Return the sample ids of a split.

    Args:
        path: Text file with one id per line, which may hold spaces; empty
            lines do not count.
        hint: What to do if it is wrong, for error texts.

    Raises:
        DatasetError: If the file is missing or empty, is no text, or names a
            sample twice.
    """
    if not path.is_file():
        raise DatasetError(
            f'split file {path} is missing{_beside(path)}; {hint}'
        )
    try:
        ids = read_lines(path)
    except ValueError as error:
        raise DatasetError(
            f'split file {path} is no text file: write one id per line'
        ) from error
    if not ids:
        raise DatasetError(f'split file {path} is empty; {hint}')
    for sample_id in ids:
        parts = sample_id.encode('utf-8').split(b'/')
        if b'\0' in parts[-1] or max(map(len, parts)) > LONGEST_NAME:
            raise DatasetError(
                f'split file {path} holds {printable(sample_id, 80)!r}, which '
                'cannot be the name of a file: write one id per line'
            )
    if len(set(ids)) < len(ids):
        twice = next(i for i in ids if ids.count(i) > 1)
        raise DatasetError(
            f'split file {path} names {twice!r} more than once: one id per '
            'line, each once'
        )
    return ids


def write_ids(path: Path, ids: Iterable[str]) -> None:
    """Write the sample ids of a split, for :func:`read_ids`.

    Args:
        path: Text file; its folder is made if needed.
        ids: One per line.
    """
    with new_file(path) as partial:
        partial.write_text(''.join(f'{one}\n' for one in ids), 'utf-8')


def _beside(path: Path) -> str:
    names = sorted(file.name for file in path.parent.glob(f'*{path.suffix}'))
    return f' ({path.parent} has: {", ".join(names)})' if names else ''
