"""One-to-one matching of predicted and labelled boundary pixels.

All pairs within the radius are found once for all thresholds, then matched
nearest first, one bit per threshold; what is left is matched exactly per
threshold, along alternating paths.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mmmtl.geometry.level_stack import (
    LevelStack,
    get_bit,
)

# No partner, no parent, no leaf.
_NONE = -1
# Distances are squares of pixel steps; this keeps the limit inclusive when
# the radius was rounded down.
_INCLUSIVE = 1 + 1e-9


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


@dataclass(frozen=True)
class Rows:
    """Neighbours of every node of one side, in one array.

    Attributes:
        starts: ``(N + 1,)`` where the neighbours of each node begin.
        others: ``(E,)`` the neighbours, node after node.
    """

    starts: np.ndarray
    others: np.ndarray

    @property
    def lengths(self) -> np.ndarray:
        """``(N,)`` number of neighbours of each node."""
        return np.diff(self.starts)

    def of(self, nodes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the pairs (node, neighbour) of some nodes, in order."""
        first = self.starts[nodes]
        lengths = self.starts[nodes + 1] - first
        ends = np.cumsum(lengths)
        if not len(ends) or not ends[-1]:
            return nodes[:0], self.others[:0]
        skip = np.repeat(first - (ends - lengths), lengths)
        return (
            np.repeat(nodes, lengths),
            self.others[skip + np.arange(ends[-1])],
        )


def make_rows(nodes: np.ndarray, others: np.ndarray, number: int) -> Rows:
    """Group pairs by their first node, keeping their order.

    Args:
        nodes: ``(E,)`` first node of every pair, 0 to ``number - 1``.
        others: ``(E,)`` second node.
        number: Number of first nodes.
    """
    order = np.argsort(nodes, kind='stable')
    starts = np.zeros(number + 1, dtype=np.int64)
    np.cumsum(np.bincount(nodes, minlength=number), out=starts[1:])
    return Rows(starts, others[order])


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


def augment(
    rows: Rows,
    mate: np.ndarray,
    other_mate: np.ndarray,
    *,
    free: np.ndarray,
    usable: np.ndarray,
) -> None:
    """Extend a matching until none is larger, in place.

    Trees of alternating paths grow from all free nodes of this side at once;
    a node belongs to the tree that reaches it first. Every tree that meets a
    free node of the other side flips one path. By Berge's theorem the
    matching is maximum when no tree meets one.

    Args:
        rows: Neighbours on the other side of every node of this side.
        mate: ``(N,)`` partner of each node of this side, or -1.
        other_mate: ``(M,)`` partner of each node of the other side, or -1.
        free: Nodes of this side that exist and have no partner.
        usable: ``(M,)`` bool, False for nodes of the other side that do not
            exist.
    """
    while len(free):
        leaves, parent = _grow(rows, other_mate, free, usable)
        met = leaves != _NONE
        if not met.any():
            return
        _flip(leaves[met], parent, mate, other_mate)
        free = free[~met]


def _grow(
    rows: Rows, other_mate: np.ndarray, roots: np.ndarray, usable: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Grow one tree per root, level by level.

    Returns:
        The free node that each tree met, or -1, and the parent of every node
        of the other side.
    """
    parent = np.full(len(other_mate), _NONE)
    leaves = np.full(len(roots), _NONE)
    nodes, trees = roots, np.arange(len(roots))
    tree_of = np.empty(len(rows.starts) - 1, dtype=np.int64)
    while len(nodes):
        tree_of[nodes] = trees
        sources, targets = rows.of(nodes)
        fresh = usable[targets] & (parent[targets] == _NONE)
        sources, targets = sources[fresh], targets[fresh]
        # Several nodes reach for one target: the first gets it (of repeated
        # indices the last assignment counts, hence the reversal).
        parent[targets[::-1]] = sources[::-1]
        won = parent[targets] == sources
        targets, trees = targets[won], tree_of[sources[won]]
        partners = other_mate[targets]
        ends = partners == _NONE
        leaves[trees[ends][::-1]] = targets[ends][::-1]
        # A tree that met a free node has done its work.
        grows = ~ends & (leaves[trees] == _NONE)
        nodes, trees = partners[grows], trees[grows]
    return leaves, parent


def _flip(
    targets: np.ndarray,
    parent: np.ndarray,
    mate: np.ndarray,
    other_mate: np.ndarray,
) -> None:
    """Match along the paths from some nodes to their roots, in place."""
    while len(targets):
        nodes = parent[targets]
        before = mate[nodes]
        mate[nodes], other_mate[targets] = targets, nodes
        targets = before[before != _NONE]
