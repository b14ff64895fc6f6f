"""What every test gets: seeds, no network, no state of other tests."""

from __future__ import annotations

import os
import random
import signal
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from mmmtl.tasks import KINDS
from mmmtl.tasks.task import _FIELDS, _TABLE

# One thread unless told otherwise: sums keep their order, and two test
# processes do not compete for two cores.
torch.set_num_threads(int(os.environ.get('OMP_NUM_THREADS') or 1))

# A shell starts what runs in its background deaf to Ctrl-C, and processes
# started from there stay deaf; the tests that stop a process need it to hear.
signal.signal(signal.SIGINT, signal.default_int_handler)


#: Whose slow tests run with one distribution of OpenMMLab alone, and why the
#: other one can say nothing new. Quick ones run with both.
ONE_STACK = {
    'test_packaging': 'wheels and environments, built alike',
    'test_io': 'files and processes of our own',
    'test_datasets': 'files to files: numpy, Pillow, processes of our own',
    'test_tools/test_archives.py': 'the converters of those files',
    'test_evaluation/test_boundary/test_rooms.py': 'numpy and scipy',
    'test_visualization': 'pages of our own in a browser',
    'test_deploy': (
        "PyTorch's graphs, run by onnxruntime; quick tests export with both"
    ),
    'test_cli/test_export.py': 'the same by the command',
    'test_tools/test_boundary_eval.py'
    '::test_the_number_of_processes_changes_nothing': 'processes of our own',
    'test_engine/test_checkpoint.py': 'bits of files that PyTorch reads',
    'test_models/test_gradients.py': (
        'sums in PyTorch, through backbones that quick tests build with both'
    ),
    'test_tools/test_wrong_values.py': (
        'every twelfth value goes through the frames of both'
    ),
    'test_tools/test_dying_processes.py': 'signals and torchrun',
    'test_tools/test_exact_resume.py::test_four_kills_change_no_bit[epoch]': (
        'with iterations it runs with both'
    ),
    'test_tools/test_exact_resume.py::test_two_ranks_stop_together_and_go_on'
    '[12]': 'without a total batch it runs with both',
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark tests by the table; skip those of a GPU where there is none."""
    alone = tuple(f'tests/{name}' for name in ONE_STACK)
    skip = pytest.mark.skip(reason='no CUDA device')
    for item in items:
        is_slow = item.get_closest_marker('slow')
        if is_slow and item.nodeid.startswith(alone):
            item.add_marker('one_stack')
        if item.get_closest_marker('gpu') and not torch.cuda.is_available():
            item.add_marker(skip)


@pytest.fixture(scope='session')
def repo_root() -> Path:
    """Folder of the checkout."""
    return Path(__file__).resolve().parent.parent


@pytest.fixture
def toy_config(repo_root: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A config of a model with 17 parameters, trained for four steps."""
    folder = repo_root / 'tests' / 'data' / 'toy_project'
    monkeypatch.syspath_prepend(str(folder))
    return folder / 'toy.py'


@pytest.fixture(autouse=True)
def _seeded() -> None:
    random.seed(0)
    np.random.seed(0)
    torch.manual_seed(0)


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    connect = socket.socket.connect

    def connect_locally(self: socket.socket, address: Any) -> None:
        local = ('127.0.0.1', '::1', 'localhost')
        if isinstance(address, tuple) and address[0] not in local:
            raise OSError(f'tests have no network, {address} was asked for')
        connect(self, address)

    monkeypatch.setattr(socket.socket, 'connect', connect_locally)


@pytest.fixture(scope='module', autouse=True)
def _environ_of_a_file() -> Iterator[None]:
    """Undo what fixtures of a whole file leave in the environment."""
    environ = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(environ)


@pytest.fixture(autouse=True)
def _restored_globals() -> Iterator[None]:
    """Undo what a test leaves in the process for the next one."""
    environ = dict(os.environ)
    tables = [(table, dict(table)) for table in (_TABLE, _FIELDS, KINDS)]
    grad, dtype = torch.is_grad_enabled(), torch.get_default_dtype()
    # What writes files cleans up after itself on SIGTERM, from then on.
    ended_by = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, ended_by)
    os.environ.clear()
    os.environ.update(environ)
    for table, rows in tables:
        table.clear()
        table.update(rows)
    torch.set_grad_enabled(grad)
    torch.set_default_dtype(dtype)
    if 'mmengine' in sys.modules:
        _forget_mmengine_instances()


def _forget_mmengine_instances() -> None:
    """Drop default scopes, visualizers, message hubs and loggers by name."""
    from mmengine.logging import MMLogger
    from mmengine.utils import ManagerMixin

    for logger in MMLogger._instance_dict.values():
        for handler in logger.handlers:
            handler.close()
    pending = [ManagerMixin]
    while pending:
        manager = pending.pop()
        pending.extend(manager.__subclasses__())
        manager._instance_dict.clear()
