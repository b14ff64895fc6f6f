"""The files of a data set: what is there.

A run looks for every file before it starts, so that none is missed hours
later.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from mmmtl.errors import DatasetError

_SHOWN = 3


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
