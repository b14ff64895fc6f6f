"""The matching is a largest one, nearest first, and within the tolerance."""

from __future__ import annotations

import numpy as np
import pytest

from mmmtl.evaluation.functional.boundary.matching import (
    augment,
    find_pairs,
    make_rows,
    match_stack,
)
from mmmtl.geometry.level_stack import cut_levels


def largest_matching(
    predicted: np.ndarray, labelled: np.ndarray, radius: float
) -> int:
    """Size of a largest matching by Kuhn's algorithm, one node at a time."""
    places = np.argwhere(labelled)
    mate: dict[int, int] = {}
    near = [
        np.flatnonzero(((places - place) ** 2).sum(axis=1) <= radius**2)
        for place in np.argwhere(predicted)
    ]

    def find_path(node: int, seen: set[int]) -> bool:
        for other in near[node]:
            if other not in seen:
                seen.add(other)
                if other not in mate or find_path(mate[other], seen):
                    mate[other] = node
                    return True
        return False

    return sum(find_path(node, set()) for node in range(len(near)))


@pytest.mark.parametrize('radius', [1.0, 1.5, 2.83, 4.2])
def test_as_many_pairs_as_possible(radius: float) -> None:
    rng = np.random.default_rng(5)
    for dense in (0.05, 0.2, 0.5):
        levels = rng.integers(0, 4, (15, 20)) * (rng.random((15, 20)) < dense)
        label = rng.random((15, 20)) < 0.15
        found = match_stack(cut_levels(levels, 3), label, radius)
        for k in range(3):
            want = largest_matching(levels > k, label, radius)
            assert found[k].sum() == want, (dense, k)


def test_only_existing_pixels_are_matched() -> None:
    rng = np.random.default_rng(6)
    levels = rng.integers(0, 8, (12, 12))
    stack = cut_levels(levels, 7)
    found = match_stack(stack, rng.random((12, 12)) < 0.6, 2)
    for k in range(7):
        assert not (found[k] & ~stack.mask(k)).any()


def test_a_chain_is_turned_over() -> None:
    """Prediction p is near the labels p and p + 1 of 0, 1, 2.

    0 and 1 took the labels 1 and 2, which leaves none for prediction 2, until
    each moves on to its other label.
    """
    row = np.arange(3)
    near_pairs = [(p, t) for p in row for t in row if t in (p, p + 1)]
    nodes, others = np.array(near_pairs).T
    mate, other_mate = np.array([1, 2, -1]), np.array([-1, 0, 1])
    augment(
        make_rows(nodes, others, 3),
        mate,
        other_mate,
        free=np.array([2]),
        usable=np.ones(3, dtype=bool),
    )
    assert mate.tolist() == [0, 1, 2]
    assert other_mate.tolist() == [0, 1, 2]


def test_a_label_that_does_not_exist_is_not_used() -> None:
    mate, other_mate = np.array([-1]), np.array([-1, -1])
    augment(
        make_rows(np.array([0, 0]), np.array([0, 1]), 1),
        mate,
        other_mate,
        free=np.array([0]),
        usable=np.array([False, True]),
    )
    assert mate.tolist() == [1]


def test_convention_the_nearest_pair_wins() -> None:
    """Predictions 2 left and 1 right of the only label."""
    levels = np.zeros((3, 9), dtype=int)
    levels[1, [2, 5]] = 1
    label = np.zeros((3, 9), dtype=bool)
    label[1, 4] = True
    stack = cut_levels(levels, 1)
    (found,) = match_stack(stack, label, 3)
    assert stack.pixels[found].tolist() == [1 * 9 + 5]


@pytest.mark.parametrize(('radius', 'pairs'), [(5.0, 1), (4.99, 0)])
def test_convention_the_radius_is_inclusive(radius: float, pairs: int) -> None:
    """The two pixels are 3 rows and 4 columns apart."""
    levels = np.zeros((4, 5), dtype=int)
    levels[3, 4] = 1
    label = np.zeros((4, 5), dtype=bool)
    label[0, 0] = True
    found = match_stack(cut_levels(levels, 1), label, radius)
    assert found.sum() == pairs


@pytest.mark.parametrize('side', ['prediction', 'label', 'both'])
def test_nothing_to_match(side: str) -> None:
    levels = np.full((5, 6), 0 if side != 'label' else 2)
    label = np.full((5, 6), side == 'prediction')
    stack = cut_levels(levels, 2)
    found = match_stack(stack, label, 2)
    assert found.shape == (2, 30 if side == 'label' else 0)
    assert not found.any()


def test_pairs_do_not_wrap_around_the_border() -> None:
    """The end of row 0 and the start of row 1 are neighbours in memory."""
    near = find_pairs(np.array([4]), np.array([5]), (3, 5), radius=2)
    assert len(near.predicted) == 0


def test_pairs_come_nearest_first() -> None:
    everywhere = np.arange(30)
    near = find_pairs(everywhere, everywhere, (5, 6), radius=2.3)
    square = (near.predicted // 6 - near.labelled // 6) ** 2
    square += (near.predicted % 6 - near.labelled % 6) ** 2
    assert (np.diff(square) >= 0).all()
    y, x = np.divmod(everywhere, 6)
    want = (y[:, None] - y) ** 2 + (x[:, None] - x) ** 2 <= 2.3**2
    assert len(near.predicted) == want.sum()
