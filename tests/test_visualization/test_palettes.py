from __future__ import annotations

import numpy as np

from mmmtl.visualization.palettes import (
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
