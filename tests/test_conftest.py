from __future__ import annotations

import os
import random
import signal
import socket
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mmengine.logging import MessageHub
from mmengine.registry import DefaultScope
from mmengine.visualization import Visualizer

from tests.conftest import ONE_STACK, pytest_collection_modifyitems


def draw() -> tuple[float, float, float]:
    return random.random(), float(np.random.rand()), float(torch.rand(()))


class TestSeeds:
    """Two tests draw first thing; the second must see the first's numbers."""

    seen: tuple[float, float, float] | None = None

    @pytest.mark.parametrize('turn', [0, 1])
    def test_same_draws(self, turn: int) -> None:
        numbers = draw()
        if turn == 0:
            type(self).seen = numbers
        assert self.seen in (None, numbers)


class TestNothingLeaks:
    """The first turn leaves traces, the second must not find them."""

    @pytest.mark.parametrize('turn', [0, 1])
    def test_globals_are_clean(self, turn: int) -> None:
        assert DefaultScope.get_current_instance() is None
        assert not MessageHub.check_instance_created('leak')
        assert not Visualizer.check_instance_created('leak')
        assert 'MMMTL_TEST_LEAK' not in os.environ
        assert torch.is_grad_enabled()
        DefaultScope.get_instance('leak', scope_name='mmmtl')
        MessageHub.get_instance('leak')
        Visualizer.get_instance('leak')
        os.environ['MMMTL_TEST_LEAK'] = '1'
        torch.set_grad_enabled(False)


def test_network_is_refused() -> None:
    with (
        socket.socket() as client,
        pytest.raises(OSError, match='tests have no network'),
    ):
        client.connect(('192.0.2.1', 80))


def test_loopback_is_allowed() -> None:
    with socket.socket() as server, socket.socket() as client:
        server.bind(('127.0.0.1', 0))
        server.listen()
        client.connect(server.getsockname())
        assert client.getpeername() == server.getsockname()


def test_interrupts_reach_tests_started_in_the_background() -> None:
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_only_slow_tests_leave_the_second_stack() -> None:
    name = next(name for name in ONE_STACK if '::' not in name)
    marked = {}
    for marks in ((), ('slow',)):
        item = SimpleNamespace(
            nodeid=f'tests/{name}/test_some.py::test_it',
            get_closest_marker=lambda mark, marks=marks: mark in marks,
            add_marker=marked.setdefault(marks, []).append,
        )
        pytest_collection_modifyitems([item])
    assert marked == {(): [], ('slow',): ['one_stack']}


def test_what_runs_with_one_stack_is_there(repo_root: Path) -> None:
    for name in ONE_STACK:
        file, _, rest = name.partition('::')
        path = repo_root / 'tests' / file
        assert path.exists(), name
        test, _, case = rest.partition('[')
        if test:
            assert f'def {test}(' in path.read_text(), name
            assert case.strip(']') in path.read_text(), name


class TestSignals:
    """The first test leaves a handler behind; the second must not see it."""

    @pytest.mark.parametrize('turn', [0, 1])
    def test_handlers_do_not_stay(self, turn: int) -> None:
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
        signal.signal(signal.SIGTERM, lambda *_: None)
