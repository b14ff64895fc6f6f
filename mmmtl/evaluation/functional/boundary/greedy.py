"""Greedy matching, nearest pairs first, in 64 maps at a time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mmmtl.evaluation.functional.boundary.level_stack import (
    LevelStack,
    get_bit,
)
from mmmtl.evaluation.functional.boundary.pairs import NearPairs


@dataclass(frozen=True)
class GreedyMatching:
    """Pairs that were matched, and in which maps.

    Attributes:
        predicted: ``(E,)`` predicted pixel of each pair.
        labelled: ``(E,)`` labelled pixel of each pair.
        words: ``(E, W)`` uint64, one bit per map.
    """

    predicted: np.ndarray
    labelled: np.ndarray
    words: np.ndarray

    def pairs_of(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the predicted and the labelled pixels of one map's pairs."""
        chosen = np.flatnonzero(get_bit(self.words, index))
        return self.predicted[chosen], self.labelled[chosen]


def match_nearest_first(stack: LevelStack, near: NearPairs) -> GreedyMatching:
    """Match every pair whose two pixels are still free, nearest first.

    Convention:
        Among equally long pairs the step's order decides, row before column:
        the result is the same everywhere.

    Args:
        stack: The thinned predictions.
        near: Pairs of the stack's pixels and the labelled pixels.

    Returns:
        A matching that cannot be extended, per map.
    """
    free = stack.words.copy()
    wanted = np.full(
        (near.num_labelled, free.shape[1]), ~np.uint64(0), dtype=np.uint64
    )
    parts: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
    for pairs in near.slices():
        predicted, labelled = near.predicted[pairs], near.labelled[pairs]
        match = free[predicted] & wanted[labelled]
        hit = match.any(axis=1)
        predicted, labelled, match = predicted[hit], labelled[hit], match[hit]
        # No pixel occurs twice in a group, so this misses no update.
        free[predicted] ^= match
        wanted[labelled] ^= match
        parts.append((predicted, labelled, match))
    if not parts:
        none = np.zeros(0, dtype=np.int32)
        return GreedyMatching(none, none, free[:0])
    return GreedyMatching(
        *(np.concatenate(column) for column in zip(*parts, strict=True))
    )
