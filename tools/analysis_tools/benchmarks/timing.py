"""Timing of several cases in turn, so that they share the machine's noise."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from rich.progress import track

# A case runs once when called; it may return seconds of its own parts.
Case = Callable[[], Mapping[str, float] | None]


@dataclass(frozen=True)
class Sample:
    """One run of one case.

    Attributes:
        seconds: Elapsed time.
        cpu_seconds: Time on processors, all threads together. It does not
            count waiting for a core that another process holds.
        parts: Elapsed time of parts of the case, by name.
    """

    seconds: float
    cpu_seconds: float
    parts: Mapping[str, float] = field(default_factory=dict)


def measure(
    cases: Mapping[str, Case],
    *,
    runs: int,
    warmup: int,
    label: str,
) -> dict[str, list[Sample]]:
    """Time every case in every round, in alternating order.

    A slow moment of the machine then meets all cases, and no case always
    follows the same other one.

    Args:
        cases: The cases by name.
        runs: Rounds that count.
        warmup: Rounds before them that do not.
        label: Shown beside the progress bar.

    Returns:
        Per case one sample a round, in the order of the rounds.
    """
    samples: dict[str, list[Sample]] = {name: [] for name in cases}
    names = list(cases)
    rounds = track(
        range(warmup + runs),
        description=label,
        transient=True,
        disable=not sys.stdout.isatty(),
    )
    for number in rounds:
        for name in names if number % 2 else reversed(names):
            sample = _run_once(cases[name])
            if number >= warmup:
                samples[name].append(sample)
    return samples


def summarise(samples: Sequence[Sample]) -> dict[str, Any]:
    """Return median, spread and least of a case's samples, in seconds."""
    names = list(samples[0].parts)
    summary: dict[str, Any] = {
        'seconds': spread([s.seconds for s in samples]),
        'cpu_seconds': spread([s.cpu_seconds for s in samples]),
    }
    if names:
        summary['parts'] = {
            name: spread([s.parts[name] for s in samples]) for name in names
        }
    return summary


def spread(values: Sequence[float]) -> dict[str, float]:
    """Return median, interquartile range, minimum and number of values."""
    low, median, high = np.percentile(values, [25, 50, 75])
    return {
        'median': float(median),
        'iqr': float(high - low),
        'min': float(min(values)),
        'runs': len(values),
    }


def paired_ratios(
    samples: Sequence[Sample], base: Sequence[Sample]
) -> dict[str, dict[str, float]]:
    """Return how many times longer a case takes than another one.

    Args:
        samples: Samples of the case.
        base: Samples of the other case, of the same rounds.

    Returns:
        Spread over the rounds of the ratio within a round: ``ratio`` of the
        elapsed times, ``cpu_ratio`` of the times on processors.
    """
    pairs = list(zip(samples, base, strict=True))
    return {
        'ratio': spread([a.seconds / b.seconds for a, b in pairs]),
        'cpu_ratio': spread([a.cpu_seconds / b.cpu_seconds for a, b in pairs]),
    }


def _run_once(case: Case) -> Sample:
    _wait_for_gpu()
    start, cpu_start = time.perf_counter(), time.process_time()
    parts = case()
    _wait_for_gpu()
    seconds = time.perf_counter() - start
    return Sample(seconds, time.process_time() - cpu_start, parts or {})


def _wait_for_gpu() -> None:
    if torch.cuda.is_initialized():
        torch.cuda.synchronize()
