"""Looks for the files of a data set before a run starts."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from mmmtl.datasets.errors import DatasetError

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


def check_files(root: Path, paths: Sequence[str], hint: str) -> None:
    """Refuse a data set of which files are missing.

    Args:
        root: The data folder.
        paths: Every needed file, relative to the folder.
        hint: What to do about it.

    Raises:
        DatasetError: If a file is missing; the text counts them and names
            the first few.
    """
    missing = _missing(root, paths)
    if not missing:
        return
    shown = ', '.join(missing[:_SHOWN])
    more = ', ...' if len(missing) > _SHOWN else ''
    raise DatasetError(
        f'{len(missing)} of {len(paths)} files are missing in {root}: '
        f'{shown}{more}; {hint}'
    )


def _missing(root: Path, paths: Iterable[str]) -> list[str]:
    # One listing per folder: a network disk answers it as fast as a question
    # about one of its thousands of files.
    listings: dict[str, set[str]] = {}
    missing = []
    for path in paths:
        folder, name = os.path.split(path)
        if folder not in listings:
            full = root / folder
            listings[folder] = (
                set(os.listdir(full)) if full.is_dir() else set()
            )
        if name not in listings[folder]:
            missing.append(path)
    return missing
