"""Outlines of regions, by hand."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import label as components

from mmmtl.geometry import outline, thin


def test_convention_lines_are_on_the_left_and_upper_side() -> None:
    regions = np.array(
        [
            [5, 5, 5, 5, 5],
            [5, 5, 9, 9, 5],
            [5, 5, 9, 9, 5],
            [5, 5, 5, 5, 5],
        ]
    )
    want = [
        [0, 1, 1, 1, 0],
        [0, 1, 0, 1, 0],
        [0, 1, 1, 1, 0],
        [0, 0, 0, 0, 0],
    ]
    np.testing.assert_array_equal(outline(regions), want)


def test_convention_there_is_no_neighbour_beyond_the_border() -> None:
    """The last row looks to the right, the last column down."""
    regions = np.array([[0, 0, 1], [0, 0, 1], [0, 2, 2]])
    want = [[0, 1, 0], [1, 1, 1], [1, 0, 0]]
    np.testing.assert_array_equal(outline(regions), want)
    for one in (np.ones((4, 5)), np.ones((1, 1))):
        assert not outline(one).any()


def test_convention_both_sides_of_a_stored_line_are_outlined() -> None:
    """Of a line as NYUDv2 stores it: two pixels, thinned to one."""
    picture = np.zeros((7, 9), np.uint8)
    picture[:, 4] = 255
    edge = outline(picture)
    assert edge.all(axis=0).tolist() == [c in (3, 4) for c in range(9)]
    assert (thin(edge)[1:-1].sum(axis=1) == 1).all()


@pytest.mark.parametrize('rising', [True, False])
def test_convention_diagonals_are_four_connected_until_thinned(
    rising: bool,
) -> None:
    y, x = np.mgrid[:20, :20]
    edge = outline(x + y > 19 if rising else x > y)
    assert components(edge)[1] == 1
    assert edge.sum() >= 38  # a staircase: two pixels per row
    assert thin(edge).sum() <= 21
