"""Boundary evaluation: seconds per map, with its density of edges."""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from mmmtl.evaluation.functional.boundary import even_thresholds, image_counts

from .memory import measure_peak
from .report import Result
from .soft_maps import SoftMap, draw_soft_map
from .timing import Case, measure, summarise

# Maps of NYUDv2's test set, for the estimate of a whole evaluation.
_TEST_SET = 654


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


def run(args: argparse.Namespace) -> Iterator[Result]:
    """Measure with and without suppression, in turn."""
    arguments = {
        f'{regions} regions, {"nms" if nms else "no nms"}': dict(
            size=tuple(args.size),
            regions=regions,
            maps=args.maps,
            thresholds=args.thresholds,
            max_dist=args.max_dist,
            nms=nms,
        )
        for regions in args.regions
        for nms in (True, False)
    }
    if args.write is not None:
        _write(args)
    samples = measure(
        {name: build(**given) for name, given in arguments.items()},
        runs=args.runs,
        warmup=args.warmup,
        label='maps',
    )
    for name, given in arguments.items():
        mean = float(np.mean([s.cpu_seconds for s in samples[name]]))
        result = {
            'name': name,
            'case': given,
            'edges': _edges(_draw(given)),
            'cpu_minutes_of_654_maps': mean * _TEST_SET / 60,
            **summarise(samples[name]),
        }
        if args.memory:
            result['memory'] = measure_peak(build, given)
        yield result


def build(
    *,
    size: tuple[int, int],
    regions: int,
    maps: int,
    thresholds: int,
    max_dist: float,
    nms: bool,
) -> Case:
    """Return a case: the counts of the next map."""
    drawn = itertools.cycle(_draw(dict(size=size, regions=regions, maps=maps)))

    def count() -> None:
        one = next(drawn)
        image_counts(
            one.grey / 255,
            [one.label],
            thresholds=even_thresholds(thresholds),
            max_dist=max_dist,
            nms=nms,
        )

    return count


def _draw(case: dict[str, Any]) -> list[SoftMap]:
    return [
        draw_soft_map(seed, size=case['size'], regions=case['regions'])
        for seed in range(case['maps'])
    ]


def _edges(maps: Sequence[SoftMap]) -> dict[str, float]:
    """Return the mean share of labelled and of predicted pixels."""
    shares = {'labelled': np.mean([m.label.mean() for m in maps])}
    for level in (0.01, 0.1, 0.5):
        above = [(m.grey > 255 * level).mean() for m in maps]
        shares[f'above {level}'] = np.mean(above)
    return {name: float(value) for name, value in shares.items()}


def _write(args: argparse.Namespace) -> None:
    folder = Path(args.write)
    for side in ('pred', 'gt'):
        (folder / side).mkdir(parents=True, exist_ok=True)
    for regions, seed in itertools.product(args.regions, range(args.maps)):
        drawn = draw_soft_map(seed, size=tuple(args.size), regions=regions)
        name = f'{regions:04d}_{seed:04d}.png'
        label = drawn.label.astype(np.uint8) * 255
        cv2.imwrite(str(folder / 'pred' / name), drawn.grey)
        cv2.imwrite(str(folder / 'gt' / name), label)
