"""Boundary maps as a network draws them: thick, displaced, partly false."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import (
    distance_transform_edt,
    gaussian_filter,
    map_coordinates,
)
from scipy.spatial import cKDTree

from mmmtl.evaluation.functional.boundary import thin


@dataclass(frozen=True)
class SoftMap:
    """A drawn prediction and its ground truth.

    Attributes:
        grey: ``(H, W)`` uint8.
        label: ``(H, W)`` bool, thin lines.
    """

    grey: np.ndarray
    label: np.ndarray


def draw_soft_map(
    seed: int, *, size: tuple[int, int], regions: int
) -> SoftMap:
    """Draw one map.

    True lines are displaced by about two pixels, Gaussian with a standard
    deviation of 2.5 pixels across, and of varying confidence; as many lines
    are false, at most half as strong; smooth noise lies over all.

    Args:
        seed: The same seed gives the same map.
        size: Height and width.
        regions: Number of regions that the true lines, and the false ones,
            surround.
    """
    rng = np.random.default_rng(seed)
    label = _lines(rng, size, regions)
    y, x = np.indices(size, dtype=float)
    places = [y + 3 * _field(rng, size, 6), x + 3 * _field(rng, size, 6)]
    distance = map_coordinates(
        distance_transform_edt(~label), places, order=1, mode='nearest'
    )
    strength = _confidence(rng, size) * np.exp(-(distance**2) / (2 * 2.5**2))
    distance = distance_transform_edt(~_lines(rng, size, regions))
    false = _confidence(rng, size) * np.exp(-(distance**2) / (2 * 2.0**2)) / 2
    noise = 0.03 * abs(_field(rng, size, 1.2))
    strength = np.clip(np.maximum(strength, false) + noise, 0, 1)
    return SoftMap((255 * strength).astype(np.uint8), label)


def _lines(
    rng: np.random.Generator, size: tuple[int, int], regions: int
) -> np.ndarray:
    """Draw thin lines between the nearest regions of random, bent places."""
    seeds = rng.uniform(0, 1, (regions, 2)) * size
    places = np.indices(size, dtype=float).reshape(2, -1)
    bend = np.stack([_field(rng, size, 8).ravel() * 3 for _ in 'yx'])
    owner = cKDTree(seeds).query((places + bend).T)[1].reshape(size)
    lines = np.zeros(size, dtype=bool)
    lines[:, :-1] |= owner[:, :-1] != owner[:, 1:]
    lines[:-1] |= owner[:-1] != owner[1:]
    return thin(lines)


def _confidence(rng: np.random.Generator, size: tuple[int, int]) -> np.ndarray:
    return 1 / (1 + np.exp(-2 * _field(rng, size, 12)))


def _field(
    rng: np.random.Generator, size: tuple[int, int], smooth: float
) -> np.ndarray:
    """Draw a smooth random field of mean 0 and standard deviation 1."""
    field = gaussian_filter(rng.normal(size=size), smooth)
    return (field - field.mean()) / field.std()
