"""The files of a data set: lists of sample ids, and what is there.

A run looks for every file before it starts, so that none is missed hours
later.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from mmmtl.errors import DatasetError

_SHOWN = 3


def read_ids(path: Path, hint: str) -> list[str]:
    """Return the sample ids of a split.

    Args:
        path: Text file with one id per line; empty lines do not count.
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
        ids = path.read_text('utf-8').split()
    except UnicodeDecodeError as error:
        raise DatasetError(
            f'split file {path} is no text file: write one id per line'
        ) from error
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


def check_root(root: Path, hint: str) -> None:
    """Refuse a data folder that is not there.

    Args:
        root: The folder.
        hint: What to do about it.

    Raises:
        DatasetError: If there is no such folder.
    """
    if not root.is_dir():
        raise DatasetError(
            f'data_root {str(root)!r} is no folder (looked for '
            f'{root.absolute()}); {hint}'
        )


def check_files(
    present: FolderListing, paths: Sequence[str], hint: str
) -> None:
    """Refuse a data set with missing files.

    Args:
        present: What is in the data folder.
        paths: Every needed file, relative to the folder.
        hint: What to do about it.

    Raises:
        DatasetError: If a file is missing; the text counts them and names
            the first few.
    """
    missing = [path for path in paths if path not in present]
    if not missing:
        return
    shown = ', '.join(missing[:_SHOWN])
    more = ', ...' if len(missing) > _SHOWN else ''
    raise DatasetError(
        f'{len(missing)} of {len(paths)} files are missing in '
        f'{present.root}: {shown}{more}; {hint}'
    )


def check_any_file(
    present: FolderListing, paths: Sequence[str], hint: str
) -> None:
    """Refuse a data set in which every sample lacks an optional file.

    Args:
        present: What is in the data folder.
        paths: The file of every sample.
        hint: What to do about it.

    Raises:
        DatasetError: If all are missing; the text names the first.
    """
    relative = [os.path.relpath(path, present.root) for path in paths]
    if not any(path in present for path in relative):
        check_files(present, relative, hint)


class FolderListing:
    """Says which files are in a folder and its subfolders.

    Convention:
        Each subfolder is listed once, when it is first asked about: a network
        disk answers that as fast as a question about one of its thousands of
        files.
    """

    def __init__(self, root: Path) -> None:
        """Remember the folder.

        Args:
            root: The folder.
        """
        self.root = root
        self._names: dict[str, set[str]] = {}

    def __contains__(self, path: str) -> bool:
        folder, name = os.path.split(path)
        if folder not in self._names:
            full = self.root / folder
            self._names[folder] = (
                set(os.listdir(full)) if full.is_dir() else set()
            )
        return name in self._names[folder]
