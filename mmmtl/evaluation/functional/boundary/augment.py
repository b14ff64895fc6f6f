"""From any matching to one of maximum cardinality, by augmenting paths."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

_NONE = -1


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
