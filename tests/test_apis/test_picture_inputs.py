from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mmmtl.apis.pictures import collect_pictures, is_single


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ('b.png', 'a.JPG', 'a.png', 'notes.txt'):
        (tmp_path / name).touch()
    (tmp_path / 'below.png').mkdir()
    (tmp_path / 'below.png' / 'c.png').touch()
    return tmp_path


def test_folder_gives_its_pictures_in_order_with_names_of_their_own(
    folder: Path,
) -> None:
    found = [(p.name, p.path.name) for p in collect_pictures(folder)]
    assert found == [('a', 'a.JPG'), ('a_2', 'a.png'), ('b', 'b.png')]


def test_lists_mix_files_folders_and_arrays(folder: Path) -> None:
    array = np.zeros((2, 3, 3), np.uint8)
    found = collect_pictures([array, folder / 'below.png', str(folder), array])
    names = [picture.name for picture in found]
    assert names == ['array', 'c', 'a', 'a_2', 'b', 'array_2']


@pytest.mark.parametrize(
    ('given', 'expected'),
    [
        (np.full((2, 3), 7, np.uint8), (7, 7, 7)),
        (np.full((2, 3, 1), 7, np.uint8), (7, 7, 7)),
        (np.full((2, 3, 4), (1, 2, 3, 9), np.uint8), (1, 2, 3)),
    ],
)
def test_arrays_become_three_channels(
    given: np.ndarray, expected: tuple
) -> None:
    (picture,) = collect_pictures(given)
    assert (picture.array == np.full((2, 3, 3), expected)).all()


@pytest.mark.parametrize(
    ('given', 'message'),
    [
        (np.zeros((2, 3, 3)), 'float64'),
        (np.zeros((2, 3, 5), np.uint8), r'\(2, 3, 5\)'),
    ],
)
def test_what_is_no_picture_is_refused(given: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        collect_pictures(given)


def test_paths_that_give_no_picture_are_refused(folder: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r'none\.png'):
        collect_pictures([folder / 'a.png', folder / 'none.png'])
    (folder / 'empty').mkdir()
    with pytest.raises(ValueError, match='empty has no pictures'):
        collect_pictures(folder / 'empty')


def test_single_inputs_are_told_from_several(folder: Path) -> None:
    assert is_single(str(folder / 'a.png'))
    assert is_single(np.zeros((2, 2), np.uint8))
    assert not is_single(folder)
    assert not is_single([folder / 'a.png'])
