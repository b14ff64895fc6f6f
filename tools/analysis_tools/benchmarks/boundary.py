"""Boundary evaluation: seconds per map, with its density of edges."""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from scipy.ndimage import (
    distance_transform_edt,
    gaussian_filter,
    map_coordinates,
)
from scipy.spatial import KDTree

from mmmtl.evaluation.functional.boundary import even_thresholds, image_counts
from mmmtl.geometry import thin

from .measure import Case, Group

Size = tuple[int, int]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``benchmark.py boundary``."""
    parser.add_argument(
        '--size', type=int, nargs=2, default=(425, 560), metavar=('H', 'W')
    )
    parser.add_argument(
        '--regions',
        type=int,
        nargs='+',
        default=[40, 150],
        help='regions per map, for few and for many edges',
    )
    parser.add_argument('--maps', type=int, default=4, help='different ones')
    parser.add_argument('--thresholds', type=int, default=99)
    parser.add_argument('--max-dist', type=float, default=0.011)
    parser.add_argument(
        '--write',
        metavar='DIR',
        help='also write the maps, as folders for boundary_eval.py',
    )


def groups(args: argparse.Namespace) -> Iterator[Group]:
    """With and without suppression; ``ratio`` is to the first."""
    if args.write is not None:
        _write(args)
    cases = {
        f'{regions} regions, {"nms" if nms else "no nms"}': dict(
            regions=regions, nms=nms
        )
        for regions in args.regions
        for nms in (True, False)
    }
    yield Group('maps:', cases, base=next(iter(cases)))


def build(args: argparse.Namespace, regions: int, nms: bool) -> Case:
    """Return a case: the counts of the next map."""
    drawn = itertools.cycle(_draw_all(args, regions))

    def count() -> None:
        grey, label = next(drawn)
        image_counts(
            grey / 255,
            [label],
            thresholds=even_thresholds(args.thresholds),
            max_dist=args.max_dist,
            nms=nms,
        )

    return count


def facts(
    case: Case, args: argparse.Namespace, regions: int, nms: bool
) -> dict[str, Any]:
    """Mean share of labelled pixels, and of those predicted above a level."""
    maps = _draw_all(args, regions)
    shares = {'labelled': np.mean([label.mean() for _, label in maps])}
    for level in (0.01, 0.1, 0.5):
        above = [(grey > 255 * level).mean() for grey, _ in maps]
        shares[f'above {level}'] = np.mean(above)
    return {'edges': shares}


def _write(args: argparse.Namespace) -> None:
    for regions in args.regions:
        for seed, (grey, label) in enumerate(_draw_all(args, regions)):
            pictures = {'pred': grey, 'gt': label.astype(np.uint8) * 255}
            for side, picture in pictures.items():
                path = Path(args.write, side, f'{regions:04d}_{seed:04d}.png')
                path.parent.mkdir(parents=True, exist_ok=True)
                cv2.imwrite(str(path), picture)


def _draw_all(
    args: argparse.Namespace, regions: int
) -> list[tuple[np.ndarray, np.ndarray]]:
    return [
        draw_soft_map(seed, size=tuple(args.size), regions=regions)
        for seed in range(args.maps)
    ]


def draw_soft_map(
    seed: int, *, size: Size, regions: int
) -> tuple[np.ndarray, np.ndarray]:
    """Draw a boundary map as a network does, and its ground truth.

    True lines are displaced by about two pixels, Gaussian with a standard
    deviation of 2.5 pixels across, and of varying confidence; as many lines
    are false, at most half as strong; smooth noise lies over all.

    Args:
        seed: The same seed gives the same map.
        size: Height and width.
        regions: Number of regions that the true lines, and the false ones,
            surround.

    Returns:
        ``(H, W)`` uint8, and ``(H, W)`` bool of thin lines.
    """
    rng = np.random.default_rng(seed)
    label = _lines(rng, size, regions)
    y, x = np.indices(size, dtype=float)
    places = [y + 3 * _field(rng, size, 6), x + 3 * _field(rng, size, 6)]
    distance: Any = map_coordinates(
        distance_transform_edt(~label), places, order=1, mode='nearest'
    )
    strength = _confidence(rng, size) * np.exp(-(distance**2) / (2 * 2.5**2))
    distance: Any = distance_transform_edt(~_lines(rng, size, regions))
    false = _confidence(rng, size) * np.exp(-(distance**2) / (2 * 2.0**2)) / 2
    noise = 0.03 * abs(_field(rng, size, 1.2))
    strength = np.clip(np.maximum(strength, false) + noise, 0, 1)
    return (255 * strength).astype(np.uint8), label


def _lines(rng: np.random.Generator, size: Size, regions: int) -> np.ndarray:
    """Draw thin lines between the nearest regions of random, bent places."""
    seeds = rng.uniform(0, 1, (regions, 2)) * size
    places = np.indices(size, dtype=float).reshape(2, -1)
    bend = np.stack([_field(rng, size, 8).ravel() * 3 for _ in 'yx'])
    owner = KDTree(seeds).query((places + bend).T)[1].reshape(size)
    lines = np.zeros(size, dtype=bool)
    lines[:, :-1] |= owner[:, :-1] != owner[:, 1:]
    lines[:-1] |= owner[:-1] != owner[1:]
    return thin(lines)


def _confidence(rng: np.random.Generator, size: Size) -> np.ndarray:
    return 1 / (1 + np.exp(-2 * _field(rng, size, 12)))


def _field(rng: np.random.Generator, size: Size, smooth: float) -> np.ndarray:
    """Draw a smooth random field of mean 0 and standard deviation 1."""
    field = gaussian_filter(rng.normal(size=size), smooth)
    return (field - field.mean()) / field.std()
