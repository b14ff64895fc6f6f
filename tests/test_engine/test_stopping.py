"""Signals are heard where a run can stop, and end nothing by themselves."""

from __future__ import annotations

import signal
import subprocess
import time
from multiprocessing import get_context
from multiprocessing.synchronize import Event

import pytest

from mmmtl.engine import stopping
from mmmtl.engine.stopping import StopSignals, shield


@pytest.mark.parametrize('name', ['SIGINT', 'SIGTERM', 'SIGUSR1', 'SIGUSR2'])
def test_signal_is_heard_and_handlers_come_back(name: str) -> None:
    number = signal.Signals[name]
    before = signal.getsignal(number)
    with StopSignals() as stop:
        assert signal.getsignal(number) != before
        assert stop.heard() == 0
        signal.raise_signal(number)
        assert stop.heard() == number
    assert signal.getsignal(number) == before


def test_signals_that_somebody_else_handles_are_left_alone() -> None:
    seen = []
    old = signal.signal(signal.SIGUSR1, lambda *_: seen.append(1))
    deaf = signal.signal(signal.SIGUSR2, signal.SIG_IGN)
    try:
        with StopSignals() as stop:
            signal.raise_signal(signal.SIGUSR1)
            signal.raise_signal(signal.SIGUSR2)
            assert (stop.heard(), seen) == (0, [1])
    finally:
        signal.signal(signal.SIGUSR1, old)
        signal.signal(signal.SIGUSR2, deaf)


def test_second_ctrl_c_interrupts_but_an_echo_does_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with StopSignals() as stop:
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
        assert stop.heard() == signal.SIGINT
        monkeypatch.setattr(stopping, 'ECHO_S', -1.0)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)


def work(ready: Event) -> None:
    shield(None)(0)
    ready.set()
    time.sleep(60)


def test_loader_process_obeys_its_parent_only() -> None:
    """A scheduler tells every process; the loader's parent decides."""
    context = get_context('fork')
    ready = context.Event()
    worker = context.Process(target=work, args=(ready,), daemon=True)
    worker.start()
    assert ready.wait(30)
    for name in ('INT', 'TERM', 'USR1', 'USR2'):
        subprocess.run(['kill', f'-{name}', str(worker.pid)], check=True)
    worker.join(0.5)
    assert worker.is_alive()
    worker.terminate()
    worker.join(30)
    assert worker.exitcode == 0
