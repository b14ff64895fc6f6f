"""Work in several processes: order, errors, progress, stopping."""

from __future__ import annotations

import os

import pytest

from mmmtl.io.workers import run_parallel

WORKERS = pytest.mark.parametrize(
    'workers', [1, pytest.param(2, marks=pytest.mark.slow)]
)


def square(number: int) -> tuple[int, str | None]:
    if number < 0:
        raise ArithmeticError(f'{number} has no place here')
    return number**2, os.environ.get('OMP_NUM_THREADS')


@WORKERS
def test_results_come_in_the_order_of_the_jobs(workers: int) -> None:
    calls = []
    results = run_parallel(
        square, range(5), workers=workers, on_done=lambda: calls.append(1)
    )
    assert [number for number, _ in results] == [0, 1, 4, 9, 16]
    assert len(calls) == 5


@pytest.mark.slow
def test_processes_use_one_thread_each(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv('OMP_NUM_THREADS', '7')
    assert run_parallel(square, [1, 2], workers=2) == [(1, '1'), (4, '1')]
    assert os.environ['OMP_NUM_THREADS'] == '7'


@WORKERS
def test_the_error_of_a_job_is_raised(workers: int) -> None:
    with pytest.raises(ArithmeticError, match='-3 has no place'):
        run_parallel(square, [1, -3, 2], workers=workers)


def test_no_workers_are_refused() -> None:
    with pytest.raises(ValueError, match='0 workers: give 1 or more'):
        run_parallel(square, [1], workers=0)


def test_the_bar_is_on_stderr(capfd: pytest.CaptureFixture) -> None:
    run_parallel(square, range(3), workers=1, bar='squares')
    shown = capfd.readouterr()
    assert shown.out == ''
    assert 'squares' in shown.err
    assert '3/3' in shown.err
    run_parallel(square, range(3), workers=1)
    assert capfd.readouterr().err == ''
