"""Text files with one id per line: splits and lists of images."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from mmmtl.errors import DatasetError


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
        lines = path.read_text('utf-8').splitlines()
    except UnicodeDecodeError as error:
        raise DatasetError(
            f'split file {path} is no text file: write one id per line'
        ) from error
    ids = [line.strip() for line in lines if line.strip()]
    if not ids:
        raise DatasetError(f'split file {path} is empty; {hint}')
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
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(''.join(f'{sample_id}\n' for sample_id in ids), 'utf-8')


def _beside(path: Path) -> str:
    names = sorted(file.name for file in path.parent.glob(f'*{path.suffix}'))
    return f' ({path.parent} has: {", ".join(names)})' if names else ''
