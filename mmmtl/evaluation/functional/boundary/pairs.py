"""Which predicted and labelled pixels are near enough to be matched."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

# Distances are squares of pixel steps; this keeps the limit inclusive when
# the radius was rounded down.
_INCLUSIVE = 1 + 1e-9


@dataclass(frozen=True)
class NearPairs:
    """All pairs within a radius, nearest first.

    Attributes:
        num_predicted: Number of predicted pixels.
        num_labelled: Number of labelled pixels.
        predicted: ``(E,)`` int32 index of the predicted pixel of each pair.
        labelled: ``(E,)`` int32 index of the labelled one.
        groups: ``(G + 1,)`` first pair of each group, and ``E``. All pairs of
            a group are the same step apart, so that within a group no pixel
            occurs twice on its side.
    """

    num_predicted: int
    num_labelled: int
    predicted: np.ndarray
    labelled: np.ndarray
    groups: np.ndarray

    def slices(self) -> list[slice]:
        """Return the groups that are not empty, as slices of the pairs."""
        return [
            slice(start, stop)
            for start, stop in zip(
                self.groups[:-1], self.groups[1:], strict=True
            )
            if start < stop
        ]


def find_pairs(
    predicted: np.ndarray,
    labelled: np.ndarray,
    size: tuple[int, int],
    radius: float,
) -> NearPairs:
    """Find all pairs that are at most ``radius`` apart.

    Args:
        predicted: ``(S,)`` flat indices of the predicted pixels.
        labelled: ``(M,)`` flat indices of the labelled ones.
        size: Height and width.
        radius: Largest Euclidean distance in pixels, inclusive.

    Returns:
        The pairs; equally long steps in the order of (row, column).
    """
    height, width = size
    steps = _steps_within(radius, size)
    reach = int(np.abs(steps).max(initial=0))
    # A frame as wide as the longest step, so that no step leaves the map.
    frame_width = width + 2 * reach
    index_of = np.full((height + 2 * reach) * frame_width, -1, dtype=np.int32)
    index_of[_in_frame(predicted, width, reach)] = np.arange(len(predicted))
    places = _in_frame(labelled, width, reach)
    sides: list[list[np.ndarray]] = [[], []]
    for dy, dx in steps:
        found = index_of[places + (dy * frame_width + dx)]
        near = np.flatnonzero(found >= 0)
        sides[0].append(found[near])
        sides[1].append(near.astype(np.int32))
    lengths = [len(part) for part in sides[0]]
    return NearPairs(
        num_predicted=len(predicted),
        num_labelled=len(labelled),
        predicted=np.concatenate(sides[0]),
        labelled=np.concatenate(sides[1]),
        groups=np.concatenate([[0], np.cumsum(lengths)]),
    )


def _steps_within(radius: float, size: tuple[int, int]) -> np.ndarray:
    """Return (row, column) steps up to a length, ``(G, 2)``, shortest first.

    Steps that are longer than the map lead nowhere and are left out.
    """
    y_reach, x_reach = (min(int(radius + 1e-6), n - 1) for n in size)
    dy, dx = np.mgrid[-y_reach : y_reach + 1, -x_reach : x_reach + 1]
    squares = dy**2 + dx**2
    near = squares <= radius**2 * _INCLUSIVE
    order = np.argsort(squares[near], kind='stable')
    return np.stack([dy[near], dx[near]], axis=1)[order]


def _in_frame(flat: np.ndarray, width: int, reach: int) -> np.ndarray:
    return (flat // width + reach) * (width + 2 * reach) + flat % width + reach
