"""Peak memory of a case, in a process of its own."""

from __future__ import annotations

import multiprocessing
import os
import resource
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import torch

_STATUS = Path('/proc/self/status')
# Writing 5 there resets the high-water mark of the resident set.
_CLEAR = Path('/proc/self/clear_refs')


def measure_peak(
    build: Callable[..., Callable[[], Any]], arguments: Mapping[str, Any]
) -> dict[str, Any]:
    """Run a case once in a fresh process and return what it occupied.

    The timed process would not do: its allocator keeps what earlier cases
    used, and the mark never falls.

    Args:
        build: Module-level function that prepares the case; the peak counts
            from its return on.
        arguments: Its keyword arguments; they travel by pickle.

    Returns:
        ``before_bytes``, resident when the case starts (libraries, model,
        inputs), and ``peak_bytes``, the most while it ran, of the whole
        process; ``gpu_peak_bytes`` where a GPU was used. Or ``error``.
    """
    context = multiprocessing.get_context('spawn')
    reader, writer = context.Pipe(duplex=False)
    process = context.Process(
        target=_run_child,
        args=(writer, torch.get_num_threads(), build, dict(arguments)),
    )
    with _without_warnings():
        process.start()
    writer.close()
    try:
        result = reader.recv()
    except EOFError:
        process.join()
        result = {
            'error': f'the process ended with code {process.exitcode} '
            '(-9: the system stopped it, likely for want of memory)'
        }
    process.join()
    return result


@contextmanager
def _without_warnings() -> Iterator[None]:
    """Silence what libraries say at import; this process has shown it."""
    before = os.environ.get('PYTHONWARNINGS')
    os.environ['PYTHONWARNINGS'] = 'ignore'
    try:
        yield
    finally:
        del os.environ['PYTHONWARNINGS']
        if before is not None:
            os.environ['PYTHONWARNINGS'] = before


def _run_child(
    writer: Connection,
    threads: int,
    build: Callable[..., Callable[[], Any]],
    arguments: dict[str, Any],
) -> None:
    torch.set_num_threads(threads)
    case = build(**arguments)
    before = _reset_peak()
    case()
    result = {'before_bytes': before, 'peak_bytes': _peak()}
    if torch.cuda.is_initialized():
        result['gpu_peak_bytes'] = torch.cuda.max_memory_allocated()
    writer.send(result)
    writer.close()


def _reset_peak() -> int:
    """Lower the mark to what is resident now, and return that in bytes."""
    try:
        _CLEAR.write_text('5')
    except OSError:
        # Not Linux, or not allowed: the mark then includes the build.
        return _peak()
    return _status('VmRSS')


def _peak() -> int:
    # Not ru_maxrss where it can be helped: a child inherits its parent's.
    if _STATUS.exists():
        return _status('VmHWM')
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == 'darwin' else peak * 1024


def _status(key: str) -> int:
    for line in _STATUS.read_text().splitlines():
        if line.startswith(f'{key}:'):
            return int(line.split()[1]) * 1024
    raise RuntimeError(f'{_STATUS} has no {key}')
