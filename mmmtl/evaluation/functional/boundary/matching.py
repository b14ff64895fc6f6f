"""One-to-one matching of predicted and labelled boundary pixels."""

from __future__ import annotations

import numpy as np

from mmmtl.evaluation.functional.boundary.augment import (
    Rows,
    augment,
    make_rows,
)
from mmmtl.evaluation.functional.boundary.greedy import match_nearest_first
from mmmtl.evaluation.functional.boundary.level_stack import LevelStack
from mmmtl.evaluation.functional.boundary.pairs import NearPairs, find_pairs

_NONE = -1


def match_stack(
    stack: LevelStack, label: np.ndarray, radius: float
) -> np.ndarray:
    """Match every map of a stack with a label, as many pixels as possible.

    Convention:
        A pixel has at most one partner, at most ``radius`` away. The number
        of matched pixels is the largest there is, so it does not depend on
        the way the matching is found; which pixels are matched is decided
        nearest first.

    Args:
        stack: Thinned predictions, ``K`` maps.
        label: ``(H, W)`` bool.
        radius: Largest distance in pixels, inclusive.

    Returns:
        ``(K, S)`` bool: which pixels of the stack are matched in each map.
    """
    near = find_pairs(stack.pixels, np.flatnonzero(label), stack.size, radius)
    greedy = match_nearest_first(stack, near)
    by_predicted = make_rows(near.predicted, near.labelled, near.num_predicted)
    by_labelled = make_rows(near.labelled, near.predicted, near.num_labelled)
    matched = np.empty((stack.count, len(stack.pixels)), dtype=bool)
    for index in range(stack.count):
        mates = _mates(near, *greedy.pairs_of(index))
        _complete(by_predicted, by_labelled, *mates, stack.mask(index))
        matched[index] = mates[0] != _NONE
    return matched


def _mates(
    near: NearPairs, predicted: np.ndarray, labelled: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the partner of every predicted and every labelled pixel."""
    mate = np.full(near.num_predicted, _NONE)
    other_mate = np.full(near.num_labelled, _NONE)
    mate[predicted], other_mate[labelled] = labelled, predicted
    return mate, other_mate


def _complete(
    by_predicted: Rows,
    by_labelled: Rows,
    mate: np.ndarray,
    other_mate: np.ndarray,
    exists: np.ndarray,
) -> None:
    """Make a matching maximum, from the side with fewer free pixels."""
    predicted = np.flatnonzero(exists & (mate == _NONE))
    labelled = np.flatnonzero(other_mate == _NONE)
    predicted = predicted[by_predicted.lengths[predicted] > 0]
    labelled = labelled[by_labelled.lengths[labelled] > 0]
    if len(predicted) <= len(labelled):
        usable = np.ones(len(other_mate), dtype=bool)
        augment(by_predicted, mate, other_mate, free=predicted, usable=usable)
    else:
        augment(by_labelled, other_mate, mate, free=labelled, usable=exists)
