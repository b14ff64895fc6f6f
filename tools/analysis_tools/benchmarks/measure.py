"""Timing of cases in turn, and the peak memory of a case by itself."""

from __future__ import annotations

import contextlib
import os
import re
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import torch
from rich.progress import track
from torch import Tensor

from mmmtl.io.workers import start_workers

# A case runs once when called; it may return seconds of its own parts.
Case = Callable[[], Mapping[str, float] | None]
DIRECTIONS = ('forward', 'forward+backward')


@dataclass(frozen=True)
class Group:
    """Cases that are compared.

    Attributes:
        label: What their names begin with.
        cases: Per name what the subject's ``build`` is called with, besides
            the command line.
        base: The case that ratios are taken to.
        memory: Whether their peak memory is worth a process each.
    """

    label: str
    cases: Mapping[str, Mapping[str, Any]]
    base: str
    memory: bool = True


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
    cases: Mapping[str, Case], *, runs: int, warmup: int, label: str
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
    rounds = track(
        range(warmup + runs),
        description=label,
        transient=True,
        disable=not sys.stdout.isatty(),
    )
    for number in rounds:
        for name in list(cases) if number % 2 else reversed(list(cases)):
            sample = _run_once(cases[name])
            if number >= warmup:
                samples[name].append(sample)
    return samples


def summarise(
    samples: Sequence[Sample], base: Sequence[Sample]
) -> dict[str, Any]:
    """Spread of a case's seconds, and of its ratios to another case.

    Args:
        samples: Samples of the case.
        base: Samples of the other case, of the same rounds. A ratio is
            taken within a round.
    """
    pairs = list(zip(samples, base, strict=True))
    summary: dict[str, Any] = {
        'seconds': spread([s.seconds for s in samples]),
        'cpu_seconds': spread([s.cpu_seconds for s in samples]),
        'ratio': spread([a.seconds / b.seconds for a, b in pairs]),
        'cpu_ratio': spread([a.cpu_seconds / b.cpu_seconds for a, b in pairs]),
    }
    if samples[0].parts:
        summary['parts'] = {
            name: spread([s.parts[name] for s in samples])
            for name in samples[0].parts
        }
    return summary


def spread(values: Sequence[float]) -> dict[str, float]:
    """Return median, interquartile range, minimum, mean and their number."""
    low, median, high = np.percentile(values, [25, 50, 75])
    return {
        'median': float(median),
        'iqr': float(high - low),
        'min': float(min(values)),
        'mean': float(np.mean(values)),
        'runs': len(values),
    }


def measure_peak(build: Callable[..., Case], *given: Any) -> dict[str, Any]:
    """Run a case once in a fresh process and return what it occupied.

    The timed process would not do: its allocator keeps what earlier cases
    used, and the high-water mark never falls.

    Args:
        build: Function of a module that prepares the case; the peak counts
            from its return on.
        *given: Its arguments, which travel by pickle, the last by keyword.

    Returns:
        ``before_bytes``, resident when the case starts (libraries, model,
        inputs), and ``peak_bytes``, the most while it ran, of the whole
        process; ``gpu_peak_bytes`` where a GPU was used. Or ``error``.
    """
    # This process has shown what libraries say at import.
    quiet = mock.patch.dict(os.environ, PYTHONWARNINGS='ignore')
    with quiet, start_workers(1) as pool:
        job = pool.submit(_peak_of, torch.get_num_threads(), build, *given)
        try:
            return job.result()
        except BrokenProcessPool:
            return {'error': 'the process died, likely for want of memory'}


def one_pass(
    function: Callable[..., Any],
    inputs: Sequence[Any],
    direction: str,
    leaves: Sequence[Tensor] = (),
) -> Case:
    """Return a case: a call of a function, maybe with gradients.

    Args:
        function: Its result is made of tensors, however nested.
        inputs: Its arguments; their tensors get gradients, too.
        direction: One of `DIRECTIONS`.
        leaves: Whose gradients are dropped between the runs; those of
            others add up.
    """
    if direction == 'forward':
        return torch.no_grad()(lambda: (function(*inputs), None)[1])
    for tensor in tensors(inputs):
        tensor.requires_grad_()
    seeds: list[Tensor] = []

    def run() -> None:
        for leaf in leaves:
            leaf.grad = None
        outputs = [o for o in tensors(function(*inputs)) if o.requires_grad]
        seeds.extend(map(torch.ones_like, outputs[len(seeds) :]))
        torch.autograd.backward(outputs, seeds)

    return run


def tensors(values: Any) -> Iterator[Tensor]:
    """Yield the tensors of nested sequences."""
    if isinstance(values, Tensor):
        yield values
    else:
        for value in values:
            yield from tensors(value)


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


def _peak_of(
    threads: int, build: Callable[..., Case], *given: Any
) -> dict[str, int]:
    torch.set_num_threads(threads)
    case = build(*given[:-1], **given[-1])
    # Lowers the mark to what is resident; where that is not allowed, the
    # mark includes the build.
    with contextlib.suppress(OSError):
        Path('/proc/self/clear_refs').write_text('5')
    before = _status('VmHWM')
    case()
    result = {'before_bytes': before, 'peak_bytes': _status('VmHWM')}
    if torch.cuda.is_initialized():
        result['gpu_peak_bytes'] = torch.cuda.max_memory_allocated()
    return result


def _status(key: str) -> int:
    """Bytes from /proc: a child's ru_maxrss begins at its parent's peak."""
    text = Path('/proc/self/status').read_text()
    (kilobytes,) = re.findall(rf'^{key}:\s*(\d+)', text, re.MULTILINE)
    return int(kilobytes) * 1024
