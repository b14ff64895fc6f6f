"""Ctrl-C, SIGTERM and a scheduler's warning: stop where a run can go on."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from functools import partial
from types import FrameType
from typing import Any

import torch
from torch import distributed as dist

from mmmtl.engine.distributed import world_size

#: SIGUSR1 and SIGUSR2 are what schedulers are told to warn with (``sbatch
#: --signal=USR1@120``).
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2)
#: A launcher passes Ctrl-C on to processes that have heard it themselves.
ECHO_S = 1.0


class StopSignals:
    """Hears signals while a training runs, instead of being ended by them.

    A signal that somebody else handles, or that is ignored, is left alone. A
    second Ctrl-C ends the process as ever.
    """

    def __init__(self) -> None:
        """Hear nothing yet."""
        self._before: dict[signal.Signals, Any] = {}
        self._heard = 0
        self._heard_at = 0.0
        self._group: Any = None

    def __enter__(self) -> StopSignals:
        """Start to listen. All processes of a run do it together."""
        if world_size() > 1 and dist.get_backend() != 'gloo':
            # Asking through the accelerator would wait for it every time.
            self._group = dist.new_group(backend='gloo')
        if threading.current_thread() is threading.main_thread():
            for number in SIGNALS:
                before = signal.getsignal(number)
                if before in (signal.SIG_DFL, signal.default_int_handler):
                    self._before[number] = before
                    signal.signal(number, self._hear)
        return self

    def __exit__(self, *error: object) -> None:
        """Listen no more."""
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def heard(self) -> int:
        """Return the number of a signal that was heard, else 0.

        All processes of a run ask at the same moments; what one has heard,
        all return.
        """
        if world_size() == 1:
            return self._heard
        number = torch.tensor(self._heard)
        dist.all_reduce(number, dist.ReduceOp.MAX, group=self._group)
        return int(number)

    def smallest(self, number: int) -> int:
        """Return the smallest of the numbers of all processes."""
        if world_size() == 1:
            return number
        result = torch.tensor(number)
        dist.all_reduce(result, dist.ReduceOp.MIN, group=self._group)
        return int(result)

    def _hear(self, number: int, frame: FrameType | None) -> None:
        again = self._heard == number == signal.SIGINT
        if again and time.monotonic() - self._heard_at > ECHO_S:
            raise KeyboardInterrupt
        if not again:
            self._heard, self._heard_at = number, time.monotonic()


def shield(start: Callable[[int], Any] | None) -> Callable[[int], Any]:
    """Return a ``worker_init_fn`` for loaders that outlive a signal.

    Schedulers, launchers and terminals signal all processes at once. A
    loader process that ends would end the training in the middle of a step.

    Args:
        start: The loader's own ``worker_init_fn``.
    """
    return partial(_start_worker, start)


def _start_worker(start: Callable[[int], Any] | None, worker: int) -> None:
    for number in set(SIGNALS) - {signal.SIGTERM}:
        signal.signal(number, signal.SIG_IGN)
    if hasattr(signal, 'sigwaitinfo'):  # not on macOS
        # Blocked first: the thread must be the only one to receive it.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
        threading.Thread(target=_obey_parent, daemon=True).start()
    if start is not None:
        start(worker)


def _obey_parent() -> None:
    """End this process when its parent, and nobody else, terminates it."""
    sender = None
    while sender != os.getppid():
        sender = signal.sigwaitinfo({signal.SIGTERM}).si_pid
    os._exit(0)
