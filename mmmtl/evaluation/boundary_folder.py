"""Boundary scores of a folder of maps, with several processes."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future

import numpy as np

from mmmtl.evaluation.boundary_files import MapPair
from mmmtl.evaluation.functional.boundary import image_counts
from mmmtl.evaluation.worker_pool import start_workers

# Maps that wait for a process, per process: enough to keep it busy.
_QUEUE = 4


def count_pairs(
    pairs: Sequence[MapPair],
    *,
    thresholds: np.ndarray,
    max_dist: float,
    nms: bool,
    thin: bool = True,
    thin_labels: bool = True,
    workers: int,
) -> Iterator[np.ndarray]:
    """Yield the counts of every pair, in order.

    Args:
        pairs: What to evaluate.
        thresholds: See :func:`.functional.boundary.image_counts`.
        max_dist: See there.
        nms: See there.
        thin: See there.
        thin_labels: See there.
        workers: Number of processes; 1 works in this one. The result does
            not depend on it.

    Raises:
        ValueError: If there is no worker.
    """
    if workers < 1:
        raise ValueError(f'{workers} workers: give 1 or more')
    options = dict(
        thresholds=thresholds,
        max_dist=max_dist,
        nms=nms,
        thin=thin,
        thin_labels=thin_labels,
    )
    workers = min(workers, len(pairs))
    if workers == 1:
        for pair in pairs:
            yield image_counts(*pair.read(), **options)
        return
    pool = start_workers(workers)
    waiting: deque[Future] = deque()
    try:
        for pair in pairs:
            # Read here, so that a bad file raises in this process.
            waiting.append(pool.submit(image_counts, *pair.read(), **options))
            if len(waiting) > _QUEUE * workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)
