"""Processes for metrics that take seconds per image."""

from __future__ import annotations

import multiprocessing
import os
import signal
from concurrent.futures import ProcessPoolExecutor


def start_workers(number: int) -> ProcessPoolExecutor:
    """Return a pool of fresh processes.

    They are spawned, not forked: a fork of a process that uses CUDA or
    threads may hang.

    Args:
        number: How many, 1 or more.
    """
    return ProcessPoolExecutor(
        number,
        mp_context=multiprocessing.get_context('spawn'),
        initializer=_leave_interrupt_to_parent,
    )


def usable_cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, 'sched_getaffinity'):  # Linux
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _leave_interrupt_to_parent() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
