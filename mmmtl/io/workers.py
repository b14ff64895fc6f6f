"""Work on many files with several processes."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from typing import TypeVar

Job = TypeVar('Job')
Result = TypeVar('Result')

# Libraries below numpy start a thread per core unless told otherwise; one
# process per core with one thread each is faster.
_THREAD_VARIABLES = (
    'OMP_NUM_THREADS',
    'OPENBLAS_NUM_THREADS',
    'MKL_NUM_THREADS',
)


def run_parallel(
    function: Callable[[Job], Result],
    jobs: Sequence[Job],
    *,
    workers: int,
    on_done: Callable[[], None] | None = None,
) -> list[Result]:
    """Call a function on every job.

    Args:
        function: A function of a module, so that processes find it by name.
        jobs: Its arguments.
        workers: Number of processes; 1 works in this one.
        on_done: Called after every finished job.

    Returns:
        The results in the order of the jobs, whatever the number of workers.

    Raises:
        ValueError: If there is no worker.
        Exception: The first that a job raises; jobs not begun are dropped.
    """
    check_workers(workers)
    results: dict[int, Result] = {}
    for number, result in _finished(function, jobs, workers):
        results[number] = result
        if on_done is not None:
            on_done()
    return [results[number] for number in range(len(jobs))]


def check_workers(workers: int) -> None:
    """Refuse a number of processes that cannot be.

    Args:
        workers: The number.

    Raises:
        ValueError: If it is less than 1.
    """
    if workers < 1:
        raise ValueError(f'{workers} workers: give 1 or more')


def _finished(
    function: Callable[[Job], Result], jobs: Sequence[Job], workers: int
) -> Iterator[tuple[int, Result]]:
    workers = min(workers, len(jobs))
    if workers <= 1:
        yield from ((n, function(job)) for n, job in enumerate(jobs))
        return
    with _one_thread_each():
        pool = ProcessPoolExecutor(
            workers,
            mp_context=multiprocessing.get_context('spawn'),
            initializer=_leave_interrupt_to_parent,
        )
        try:
            numbers = {
                pool.submit(function, job): n for n, job in enumerate(jobs)
            }
            for done in as_completed(numbers):
                yield numbers[done], done.result()
        finally:
            # Also on Ctrl-C: no process may still write when an unfinished
            # folder is removed.
            pool.shutdown(wait=True, cancel_futures=True)


@contextmanager
def _one_thread_each() -> Iterator[None]:
    """Started processes inherit the environment they find at their start."""
    before = {name: os.environ.get(name) for name in _THREAD_VARIABLES}
    os.environ.update(dict.fromkeys(_THREAD_VARIABLES, '1'))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _leave_interrupt_to_parent() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def usable_cores() -> int:
    """Return the number of cores this process may use."""
    if hasattr(os, 'sched_getaffinity'):  # Linux
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


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


@contextmanager
def progress(what: str, total: int) -> Iterator[Callable[[], None]]:
    """Show a bar while the block runs.

    Args:
        what: What is counted.
        total: How many there are.

    Yields:
        A function to call after each.
    """
    # Here, not at the top: worker processes show nothing.
    from rich.console import Console
    from rich.progress import MofNCompleteColumn, Progress, TimeElapsedColumn

    columns = (
        *Progress.get_default_columns(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(what, total=total)
        yield lambda: bar.advance(task)
