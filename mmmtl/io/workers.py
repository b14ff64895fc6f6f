"""Work on many files with several processes.

Processes are spawned, not forked: a fork of a process that uses CUDA or
threads may hang. Ctrl-C reaches them through their parent only.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager, nullcontext
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
    bar: str | None = None,
    on_done: Callable[[], None] | None = None,
) -> list[Result]:
    """Call a function on every job.

    Args:
        function: A function of a module, so that processes find it by name.
        jobs: Its arguments.
        workers: Number of processes; 1 works in this one.
        bar: What the jobs are, for a progress bar; None shows none.
        on_done: Called after every finished job.

    Returns:
        The results in the order of the jobs, whatever the number of workers.

    Raises:
        ValueError: If ``workers`` is less than 1.
        Exception: The first that a job raises; jobs not begun are dropped.
    """
    if workers < 1:
        raise ValueError(f'{workers} workers: give 1 or more')
    results: dict[int, Result] = {}
    shown = progress(bar, len(jobs)) if bar else nullcontext(lambda: None)
    with shown as advance:
        for number, result in _finished(function, jobs, workers):
            results[number] = result
            advance()
            if on_done is not None:
                on_done()
    return [results[number] for number in range(len(jobs))]


def _finished(
    function: Callable[[Job], Result], jobs: Sequence[Job], workers: int
) -> Iterator[tuple[int, Result]]:
    """Yield number and result of each job as it ends."""
    workers = min(workers, len(jobs))
    if workers <= 1:
        yield from ((n, function(job)) for n, job in enumerate(jobs))
        return
    with _one_thread_each():
        pool = start_workers(workers)
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
    """Set the environment that processes inherit when they start."""
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


def start_workers(number: int) -> ProcessPoolExecutor:
    """Return a pool of fresh processes, for work that comes bit by bit.

    Args:
        number: How many, 1 or more.
    """
    return ProcessPoolExecutor(
        number,
        mp_context=multiprocessing.get_context('spawn'),
        initializer=_leave_interrupt_to_parent,
    )


def _leave_interrupt_to_parent() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def usable_cores() -> int:
    """Return the number of cores this process may use."""
    if hasattr(os, 'sched_getaffinity'):  # Linux
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@contextmanager
def progress(what: str, total: int | None) -> Iterator[Callable[[], None]]:
    """Show a progress bar on stderr while the block runs.

    Args:
        what: What is counted.
        total: How many there are, None if nobody knows.

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
    with Progress(*columns, console=Console(stderr=True)) as shown:
        task = shown.add_task(what, total=total)
        yield lambda: shown.advance(task)
