"""How far a file may be from the model that it was made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from mmmtl.errors import UserError
from mmmtl.evaluation.primary_metrics import primary_metric

Maps = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Gate:
    """What a file's outputs and figures may differ by.

    Attributes:
        tolerance: A value differs if it is off by more than this share of
            the largest value of its map; a class id if it is another one.
        pixels: Share of a task's pixels that may differ.
        loss: By how much a task's primary metric may be worse, relative to
            the model's.
    """

    tolerance: float
    pixels: float
    loss: float


#: Rounding only: ties between classes, and directions of vectors near zero.
FLOAT = Gate(tolerance=1e-3, pixels=1e-3, loss=1e-3)
#: Eight bits for weights and features.
INT8 = Gate(tolerance=0.05, pixels=0.1, loss=0.02)


@dataclass(frozen=True)
class Difference:
    """What a task's maps differ by, over all pictures.

    Attributes:
        pixels: Share of the pixels that differ.
        largest: Largest difference, in the unit of the task; of class ids
            None.
    """

    pixels: float
    largest: float | None


def compare_maps(
    reference: Sequence[Maps], found: Sequence[Maps], gate: Gate
) -> dict[str, Difference]:
    """Compare the maps of some pictures.

    Args:
        reference: Per picture the model's maps by task.
        found: The file's.
        gate: Its tolerance says what a difference is.

    Raises:
        UserError: If the file gives maps of other shapes or types, or not
            for every task.
    """
    differences = {}
    for task in reference[0]:
        pairs = []
        for wanted, given in zip(reference, found, strict=True):
            form, other = _form(wanted[task]), _form(given.get(task))
            if form != other:
                raise UserError(
                    f'{task}: the file gives {other}, the model {form}'
                )
            pairs.append((wanted[task], given[task]))
        differences[task] = _difference(pairs, gate.tolerance)
    return differences


def failures(
    differences: Mapping[str, Difference],
    figures: Mapping[str, Mapping[str, float]],
    gate: Gate,
) -> list[str]:
    """Say which tasks do not pass, and why.

    Args:
        differences: From :func:`compare_maps`.
        figures: Per task its primary metric: ``model`` and ``file``; empty
            where nothing was measured.
        gate: What may differ.
    """
    said = [
        f'{task}: {100 * found.pixels:.3g} % of the pixels differ by more '
        f'than {100 * gate.tolerance:g} % of the largest value, allowed are '
        f'{100 * gate.pixels:g} %'
        for task, found in differences.items()
        if not found.pixels <= gate.pixels
    ]
    for task, figure in figures.items():
        metric = primary_metric(task)
        worse = figure['file'] - figure['model']
        worse = worse if metric.lower_is_better else -worse
        if not worse <= gate.loss * abs(figure['model']):
            said.append(
                f'{task}: {metric.name} is {figure["file"]:.4g}, the '
                f"model's {figure['model']:.4g}; it may be worse by "
                f'{100 * gate.loss:g} %'
            )
    return said


def as_plain(
    differences: Mapping[str, Difference],
    figures: Mapping[str, Mapping[str, float]],
    gate: Gate,
) -> dict[str, Any]:
    """Return what was found, for the file and for people."""
    return dict(
        allowed=asdict(gate),
        differences={t: asdict(found) for t, found in differences.items()},
        metrics={task: dict(figure) for task, figure in figures.items()},
    )


def _form(maps: np.ndarray | None) -> str:
    return 'none' if maps is None else f'{maps.dtype} {maps.shape}'


def _difference(
    pairs: Sequence[tuple[np.ndarray, np.ndarray]], tolerance: float
) -> Difference:
    if pairs[0][0].dtype.kind != 'f':
        others = [(wanted != given).mean() for wanted, given in pairs]
        return Difference(float(np.mean(others)), None)
    off, largest = [], []
    for wanted, given in pairs:
        distance = abs(wanted - given)
        # Not `distance > ...`: of NaN nothing is larger.
        close = distance <= tolerance * abs(wanted).max()
        off.append(1 - close.mean())
        largest.append(distance.max())
    return Difference(float(np.mean(off)), float(np.max(largest)))
