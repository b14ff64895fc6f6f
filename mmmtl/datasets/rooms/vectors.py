"""Vectors as separate components: one number or one array each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, TypeVar

import numpy as np

Vector = tuple[float, float, float]
Number = TypeVar('Number', float, np.ndarray)


class Vectors(NamedTuple):
    """Three float32 arrays of one shape: the components of many vectors.

    Numpy is faster on three plain arrays than on one with a last axis of 3.
    """

    x: np.ndarray
    y: np.ndarray
    z: np.ndarray

    def at(self, index: tuple | np.ndarray) -> Vectors:
        """Return the vectors at an index or slice."""
        return Vectors(self.x[index], self.y[index], self.z[index])

    def ravel(self) -> Vectors:
        """Return the vectors in one row."""
        return Vectors(self.x.ravel(), self.y.ravel(), self.z.ravel())


def dot(a: Sequence[Number], b: Sequence[Number]) -> Number:
    """Scalar product, of numbers, arrays or one of each."""
    return sum(p * q for p, q in zip(a, b, strict=True))


def unit(vectors: Vectors) -> Vectors:
    """Scale vectors to length one (zero vectors stay zero)."""
    x, y, z = vectors
    scale = 1.0 / np.sqrt(np.maximum(dot(vectors, vectors), 1e-20))
    return Vectors(x * scale, y * scale, z * scale)
