from __future__ import annotations

import numpy as np
import pytest

from mmmtl.visualization.palettes import (
    check_palette,
    default_palette,
    human_parts_palette,
)


def distances(colours: np.ndarray) -> np.ndarray:
    difference = colours[:, None].astype(int) - colours[None]
    return np.sqrt((difference**2).sum(-1))


def test_colours_keep_apart_from_each_other_and_from_black() -> None:
    colours = default_palette(40)
    apart = distances(np.concatenate([colours, np.zeros((1, 3), np.uint8)]))
    # A step of the colour grid is 28; the nearest two are two steps apart.
    assert apart[~np.eye(41, dtype=bool)].min() >= 56


def test_as_many_colours_as_an_eight_bit_map_has_classes() -> None:
    colours = default_palette(255)
    assert len(np.unique(colours, axis=0)) == 255


def test_a_class_keeps_its_colour_when_classes_are_added() -> None:
    assert (default_palette(40)[:13] == default_palette(13)).all()
    assert (human_parts_palette(7)[:5] == human_parts_palette(5)).all()


def test_the_returned_palette_is_the_callers_own() -> None:
    default_palette(3)[:] = 0
    assert default_palette(3).any()


def test_background_of_human_parts_is_grey_and_one_entry_long() -> None:
    assert human_parts_palette(1).tolist() == [[56, 56, 56]]


@pytest.mark.parametrize('number', [0, 513])
def test_number_of_classes_out_of_range_is_refused(number: int) -> None:
    with pytest.raises(ValueError, match=f'1 to 512, found {number}'):
        default_palette(number)


@pytest.mark.parametrize(
    ('palette', 'message'),
    [
        ([], 'per class'),
        ([[0.5, 0.5, 0.5]], 'float64'),
        ([[1, 2, 3, 4]], r'\(1, 4\)'),
        ([[0, 0, 256]], '0 to 256'),
        ([[-1, 0, 0]], '-1 to 0'),
    ],
)
def test_what_is_no_palette_is_refused(palette: list, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        check_palette(palette)
