from __future__ import annotations

import numpy as np
import pytest

from mmmtl.visualization import Cell, draw_grid
from mmmtl.visualization.picture_grid import GAP, TITLE, GridLayout, fit_cell


def picture(height: int, width: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (height, width, 3), np.uint8)


def test_cells_hold_their_pictures_pixel_for_pixel() -> None:
    pictures = [picture(50, 140, seed) for seed in range(3)]
    cells = [Cell(f'map {i}', p) for i, p in enumerate(pictures)]
    page = draw_grid([[cells[0], cells[1]], [None, cells[2]]])
    layout = GridLayout((50, 140))
    for index, (row, column) in enumerate([(0, 0), (0, 1), (1, 1)]):
        y, x = layout.corner(row, column)
        found = page[y : y + 50, x : x + 140]
        assert (found == pictures[index]).all()
    # An empty place, gaps and margins stay paper.
    y, x = layout.corner(1, 0)
    assert (page[y - TITLE : y + 50, x : x + 140] == 255).all()
    assert (page[:GAP] == 255).all()
    assert (page[-GAP:] == 255).all()
    # Two rows of gap + title + 50 and a gap below; two columns likewise.
    assert page.shape == (2 * (6 + 18 + 50) + 6, 2 * (6 + 140) + 6, 3)


def test_titles_are_written_above_their_own_picture_only() -> None:
    cells = [Cell('a title much too long ' * 5, picture(40, 130)), None]
    page = draw_grid([cells])
    y, x = GridLayout((40, 130)).corner(0, 0)
    assert (page[y - TITLE : y, x : x + 130] < 128).any()
    assert (page[:, x + 130 :] == 255).all()


@pytest.mark.parametrize(
    ('size', 'expected'),
    [
        ((50, 140), (50, 140)),  # as it is
        ((20, 30), (100, 150)),  # 5 * 30 is the first multiple from 128
        ((1, 1), (128, 128)),
        ((1280, 960), (640, 480)),  # halved
        ((20, 4000), (3, 640)),  # 20 * 640 / 4000 = 3.2
        ((2, 9999), (1, 640)),  # never less than one pixel
        ((400, 3), (400, 3)),  # enlarged it would be higher than the page
    ],
)
def test_size_of_a_cell(size: tuple, expected: tuple) -> None:
    assert fit_cell(size, min_width=128, max_side=640) == expected


def test_enlarged_pixels_are_squares_of_one_colour() -> None:
    small = picture(2, 64)
    page = draw_grid([[Cell('small', small)]])
    y, x = GridLayout((4, 128)).corner(0, 0)
    enlarged = page[y : y + 4, x : x + 128]
    assert (enlarged == small.repeat(2, 0).repeat(2, 1)).all()


def test_only_smooth_pictures_are_averaged_when_made_smaller() -> None:
    stripes = np.zeros((640, 1280, 3), np.uint8)
    stripes[:, 1::2] = 255
    y, x = GridLayout((320, 640)).corner(0, 0)
    for smooth, values in ((False, {0, 255}), (True, {128})):
        page = draw_grid([[Cell('stripes', stripes, smooth)]])
        found = set(np.unique(page[y : y + 320, x : x + 640]).tolist())
        assert found <= values, smooth


def test_pictures_of_two_sizes_are_refused() -> None:
    cells = [Cell('image', picture(50, 140)), Cell('depth', picture(50, 141))]
    with pytest.raises(ValueError, match=r"'depth': \(50, 141\)"):
        draw_grid([cells])
