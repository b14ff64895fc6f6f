"""How a process leaves its group."""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest
from torch import distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from mmmtl.engine.cli import leaving_group
from mmmtl.engine.distributed import stop_distributed


@pytest.fixture
def group(tmp_path: Path) -> None:
    dist.init_process_group(
        'gloo', init_method=f'file://{tmp_path}/store', rank=0, world_size=1
    )


@pytest.fixture
def alive(monkeypatch: pytest.MonkeyPatch, group: None) -> list[bool]:
    """Whether the model of :func:`train` is there as the group is left."""
    seen: list[bool] = []
    leave = dist.destroy_process_group

    def note_and_leave() -> None:
        seen.append(MODEL['it']() is not None)
        leave()

    monkeypatch.setattr(dist, 'destroy_process_group', note_and_leave)
    return seen


MODEL: dict[str, weakref.ref] = {}


def train(error: BaseException | None = None) -> None:
    """Wrap a model in a cycle, as a runner is one; then fail."""
    runner = SimpleNamespace(model=DistributedDataParallel(nn.Linear(2, 2)))
    runner.loop = SimpleNamespace(runner=runner)
    MODEL['it'] = weakref.ref(runner.model)
    if error is not None:
        raise error


def test_model_goes_before_the_group(alive: list[bool]) -> None:
    """Or the model ends the group's threads with the interpreter in hand."""
    train()
    stop_distributed()
    assert alive == [False]


@contextmanager
def exit_of_a_tool() -> Iterator[None]:
    try:
        yield
    except RuntimeError as cause:
        raise SystemExit(2) from cause


@pytest.mark.parametrize('error', [SystemExit(143), RuntimeError('again')])
def test_model_of_a_run_that_fails_goes_too(
    alive: list[bool], error: BaseException
) -> None:
    with pytest.raises(SystemExit), leaving_group(), exit_of_a_tool():
        train(error)
    assert alive == [False]


def test_group_of_gpus_is_not_left_after_an_error(
    alive: list[bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its communicators would wait for ranks that wait for this one."""
    monkeypatch.setattr(dist, 'get_backend', lambda: 'nccl')
    with pytest.raises(RuntimeError), leaving_group():
        train(RuntimeError('one rank alone'))
    assert alive == []
    dist.destroy_process_group()


def test_nothing_to_leave() -> None:
    with leaving_group():
        pass
