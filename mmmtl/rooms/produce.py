"""Rendering a whole data set with several processes, all or nothing."""

from __future__ import annotations

import json
import multiprocessing
import os
import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from pathlib import Path

from mmmtl.rooms.order import META_FILE, Order
from mmmtl.rooms.render import render_room

# Libraries below numpy start a thread per core unless told otherwise; one
# process per core with one thread each is faster.
_THREAD_VARIABLES = (
    'OMP_NUM_THREADS',
    'OPENBLAS_NUM_THREADS',
    'MKL_NUM_THREADS',
)


def is_done(order: Order, out: Path) -> bool:
    """Whether a folder already is the finished result of an order.

    Raises:
        FileExistsError: It holds something else.
    """
    if order.is_complete_at(out):
        return True
    if out.exists() and not (out.is_dir() and not any(out.iterdir())):
        raise FileExistsError(
            f'{out} already exists and is not the finished result of this '
            'call with this version of the renderer: remove it or name '
            'another folder'
        )
    return False


def produce(
    order: Order,
    out: Path,
    *,
    workers: int = 1,
    on_room: Callable[[], None] | None = None,
) -> None:
    """Render a data set into a folder.

    The files appear under their final name only when all are written; their
    bytes do not depend on the number of workers. Nothing happens where
    ``is_done``.

    Args:
        order: What to render.
        out: Folder to create. It may exist if it is empty.
        workers: Number of processes; 1 renders in this one.
        on_room: Called after every finished room.

    Raises:
        FileExistsError: ``out`` holds something else.
    """
    if workers < 1:
        raise ValueError(f'{workers} workers: give 1 or more')
    out = out.resolve()
    if is_done(order, out):
        return
    with _unfinished_folder(out) as folder:
        for path in order.layout.paths(order.layout.sample_id(1)):
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
        for _ in _render_all(order, folder, workers):
            if on_room is not None:
                on_room()
        order.layout.write_splits(folder, *order.ids())
        text = json.dumps(order.meta(), indent=2) + '\n'
        (folder / META_FILE).write_text(text, 'utf-8')
        folder.rename(out)


@contextmanager
def _unfinished_folder(out: Path) -> Iterator[Path]:
    """Folder next to ``out``, gone afterwards unless it was renamed."""
    out.parent.mkdir(parents=True, exist_ok=True)
    name = tempfile.mkdtemp(prefix=f'.{out.name}.', dir=out.parent)
    folder = Path(name)
    try:
        folder.chmod(0o777 & ~_umask())  # mkdtemp makes it private
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _render_all(order: Order, folder: Path, workers: int) -> Iterator[None]:
    if workers == 1:
        for number in range(order.total):
            yield _render_one(order, folder, number)
        return
    with _one_thread_each():
        pool = ProcessPoolExecutor(
            min(workers, order.total),
            mp_context=multiprocessing.get_context('spawn'),
            initializer=_leave_interrupt_to_parent,
        )
        try:
            jobs = [
                pool.submit(_render_one, order, folder, number)
                for number in range(order.total)
            ]
            for job in as_completed(jobs):
                yield job.result()
        finally:
            # Also on Ctrl-C: no process may still write when the unfinished
            # folder is removed.
            pool.shutdown(wait=True, cancel_futures=True)


def _render_one(order: Order, folder: Path, number: int) -> None:
    seed = order.room_seed(number)
    sample = render_room(seed, order.height, order.width)
    sample_id = order.layout.sample_id(number + 1)
    order.layout.write_sample(folder, sample_id, sample)


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
