"""Thinning against a transcription of its definition, and its properties."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import label

from mmmtl.geometry import thin
from mmmtl.geometry.level_stack import cut_levels
from mmmtl.geometry.thinning import thin_stack

ALL_EIGHT = np.ones((3, 3))


def slow_thin(binary: np.ndarray) -> np.ndarray:
    """The definition, pixel by pixel; x1 is east, then counterclockwise."""
    steps = [(0, 1), (-1, 1), (-1, 0), (-1, -1), (0, -1), (1, -1), (1, 0)]
    steps.append((1, 1))
    image = np.pad(binary, 1).astype(int)
    while True:
        before = image.copy()
        for odd in (True, False):
            deleted = []
            for i, j in zip(*np.nonzero(image), strict=True):
                x = [0] + [image[i + dy, j + dx] for dy, dx in steps]
                x.append(x[1])
                crossings = sum(
                    x[2 * k - 1] == 0 and (x[2 * k] or x[2 * k + 1]) == 1
                    for k in (1, 2, 3, 4)
                )
                pairs = min(
                    sum(x[2 * k - 1] | x[2 * k] for k in (1, 2, 3, 4)),
                    sum(x[2 * k] | x[2 * k + 1] for k in (1, 2, 3, 4)),
                )
                if odd:
                    third = (x[2] | x[3] | (1 - x[8])) & x[1]
                else:
                    third = (x[6] | x[7] | (1 - x[4])) & x[5]
                if crossings == 1 and 2 <= pairs <= 3 and not third:
                    deleted.append((i, j))
            for place in deleted:
                image[place] = 0
        if (image == before).all():
            return image[1:-1, 1:-1].astype(bool)


@pytest.mark.parametrize('density', [0.3, 0.6, 0.85, 1.0])
def test_equals_the_definition(density: float) -> None:
    rng = np.random.default_rng(2)
    for size in ((14, 17), (1, 9), (8, 1), (2, 2)):
        binary = rng.random(size) < density
        np.testing.assert_array_equal(thin(binary), slow_thin(binary))


def test_a_stack_is_thinned_map_by_map() -> None:
    """130 maps need three words."""
    levels = np.random.default_rng(3).integers(0, 131, (23, 19))
    stack = thin_stack(cut_levels(levels, 130))
    maps = stack.to_maps()
    for k in (0, 1, 63, 64, 65, 100, 128, 129):
        np.testing.assert_array_equal(maps[k], thin(levels > k), err_msg=k)
    assert maps.any(axis=0).sum() == len(stack.pixels)


def test_thinning_keeps_the_components_and_is_stable() -> None:
    noise = np.random.default_rng(4).random((60, 60)) < 0.45
    lines = thin(noise)
    assert not (lines & ~noise).any()
    assert label(lines, ALL_EIGHT)[1] == label(noise, ALL_EIGHT)[1]
    np.testing.assert_array_equal(thin(lines), lines)


def test_a_bar_becomes_its_middle_line() -> None:
    bar = np.zeros((9, 20), dtype=bool)
    bar[3:6, 2:18] = True
    lines = thin(bar)
    assert lines[4].sum() >= 12
    assert lines.sum() == lines[4].sum()


def test_an_empty_map_stays_empty() -> None:
    assert not thin(np.zeros((4, 5), dtype=bool)).any()
