"""Finds samples of the real data sets, which are not part of the project."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


def real_data(name: str) -> Path:
    """Return a file or folder of the real samples, or skip the test.

    Args:
        name: Its path below the folder that ``MMMTL_REAL_DATA`` names.
    """
    root = os.environ.get('MMMTL_REAL_DATA')
    if not root:
        pytest.skip('MMMTL_REAL_DATA names no folder of real samples')
    path = Path(root) / name
    if not path.exists():
        pytest.skip(f'{path} is absent')
    return path


def real_folder(name: str) -> Path:
    """Return a folder of real samples; skip the test where it is absent.

    Args:
        name: Folder below the one that ``MMMTL_REAL_DATA`` names.
    """
    folder = real_data(name)
    if not folder.is_dir():
        pytest.skip(f'{folder} is absent')
    return folder
