"""The page of trainings: what was logged, resumptions joined."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

import mmmtl
from mmmtl.cli.app import main
from mmmtl.errors import UserError
from mmmtl.io.run_logs import read_run
from mmmtl.visualization.training_page import (
    groups_of,
    series_of,
    write_training_page,
)


def train(step: int, value: float, **more: Any) -> dict[str, Any]:
    return {
        'lr': 0.1,
        'loss': value,
        'depth.loss_l1': value / 2,
        'time': 1.5,
        'iter': step,
        'step': step,
        **more,
    }


def val(step: int, value: float) -> dict[str, Any]:
    return {'depth/rmse': value, 'time': 9.0, 'data_time': 0.1, 'step': step}


def log(run: Path, time: str, rows: Sequence[dict], cut: str = '') -> Path:
    path = run / time / 'vis_data' / 'scalars.json'
    path.parent.mkdir(parents=True)
    lines = [json.dumps(row) for row in rows]
    path.write_text('\n'.join([*lines, cut]))
    return path


def content_of(page: Path) -> dict[str, Any]:
    (block,) = re.findall(r'class="record">(.*?)</script>', page.read_text())
    return json.loads(block)


def test_a_resumed_training_is_one_curve(tmp_path: Path) -> None:
    """Killed at 40, resumed from 20: what came after 20 was done again."""
    log(
        tmp_path,
        '20260101_000000',
        [
            *(val(0, 9), train(10, 5), train(20, 4), val(20, 3)),
            *(train(30, 99), train(40, 99), val(40, 99)),
        ],
        cut='{"lr": 0.1, "lo',
    )
    log(tmp_path, '20260102_000000', [train(30, 3), train(40, 2), val(40, 2)])
    series = series_of(read_run(tmp_path))
    assert series['loss'] == {
        'steps': [10, 20, 30, 40],
        'values': [5, 4, 3, 2],
    }
    assert series['depth/rmse'] == {'steps': [0, 20, 40], 'values': [9, 3, 2]}
    # The time of a validation is no time of a step.
    assert series['time']['values'] == [1.5] * 4
    assert 'data_time' not in series


def test_a_training_that_began_anew_replaces_the_older_one(
    tmp_path: Path,
) -> None:
    log(tmp_path, '1', [train(10, 5), train(20, 4), val(20, 3)])
    log(tmp_path, '2', [train(10, 6)])
    series = series_of(read_run(tmp_path))
    assert series['loss'] == {'steps': [10], 'values': [6]}
    assert 'depth/rmse' not in series


def test_validations_by_epoch_stand_at_its_last_iteration(
    tmp_path: Path,
) -> None:
    rows = [train(50, 4, epoch=1), train(100, 3, epoch=1), val(1, 0.9)]
    rows += [train(150, 3, epoch=2), train(200, 2, epoch=2), val(2, 0.8)]
    log(tmp_path, '1', rows)
    log(tmp_path, '2', [train(250, 1, epoch=3), val(3, 0.7)])
    series = series_of(read_run(tmp_path))
    assert series['depth/rmse'] == {
        'steps': [100, 200, 250],
        'values': [0.9, 0.8, 0.7],
    }
    assert 'epoch' not in series


def test_what_is_no_number_is_a_gap() -> None:
    beyond = [float('nan'), 1e999, -1e308, 10**400]
    values = [0.123456789, *beyond, -3e38]
    rows = [
        dict(train(step, 1), loss=value) for step, value in enumerate(values)
    ]
    found = series_of(rows)['loss']['values']
    assert found == [0.123457, None, None, None, None, -3e38]


def test_steps_that_are_no_count_are_left_out(tmp_path: Path) -> None:
    steps = [float('nan'), float('inf'), -1, 10**400, 10]
    log(tmp_path, '1', [train(step, 4) for step in steps])
    write_training_page([tmp_path], tmp_path / 'out.html')
    (run,) = content_of(tmp_path / 'out.html')['runs']
    assert run['series']['loss'] == {'steps': [10], 'values': [4]}


def test_one_start_of_a_training_is_read_like_all(tmp_path: Path) -> None:
    log(tmp_path, '1', [train(10, 5)])
    log(tmp_path, '2', [train(20, 4)])
    one = series_of(read_run(tmp_path / '1'))
    assert one == series_of(read_run(tmp_path / '1/vis_data/scalars.json'))
    assert one['loss'] == {'steps': [10], 'values': [5]}


def test_a_first_line_that_is_cut_is_named(tmp_path: Path) -> None:
    path = log(tmp_path, '1', [], cut='{"lr": 0.1, "lo')
    with pytest.raises(UserError, match='no whole line') as error:
        write_training_page([tmp_path], tmp_path / 'out.html')
    assert str(path) in str(error.value)
    # It is no reason to refuse what the next start has logged.
    log(tmp_path, '2', [train(10, 5)])
    assert series_of(read_run(tmp_path))['loss']['values'] == [5]


def test_scalars_are_sorted_by_task() -> None:
    names = ['lr', 'loss', 'depth.loss_l1', 'norm.depth', 'grad_norm']
    names += ['depth/rmse', 'cracks/IoU', 'cosine.depth.cracks', 'delta_m']
    names += ['depth.weight', 'time']
    found = {group['title']: group['charts'] for group in groups_of(names)}
    assert list(found.items()) == [
        ('all tasks', ['loss', 'delta_m']),
        ('depth', ['depth/rmse', 'depth.loss_l1', 'depth.weight']),
        ('cracks', ['cracks/IoU']),
        ('gradients', ['norm.depth', 'grad_norm', 'cosine.depth.cracks']),
        ('training', ['lr', 'time']),
    ]


def test_the_command_overlays_runs(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    evil = '<img src=x onerror=alert(1)>'
    runs = [tmp_path / 'a' / evil, tmp_path / 'b' / 'plain']
    for number, run in enumerate(runs):
        log(run, '1', [train(10, 5 + number)])
    out = tmp_path / 'out.html'
    assert main(['report', *map(str, runs), '--out', str(out)]) == 0
    assert f'2 training(s) in {out}' in capsys.readouterr().out
    content = content_of(out)
    assert [run['name'] for run in content['runs']] == [evil, 'plain']
    losses = [run['series']['loss']['values'] for run in content['runs']]
    assert losses == [[5], [6]]
    text = out.read_text()
    assert '<img' not in text
    assert not re.search(r'(src|href)="', text)


def test_runs_of_one_name_are_called_by_their_paths(tmp_path: Path) -> None:
    runs = [tmp_path / part / 'work' for part in 'ab']
    for run in runs:
        log(run, '1', [train(10, 5)])
    write_training_page(runs, tmp_path / 'out.html')
    content = content_of(tmp_path / 'out.html')
    assert [run['name'] for run in content['runs']] == [str(r) for r in runs]


def test_what_is_no_log_is_refused(tmp_path: Path) -> None:
    out = tmp_path / 'out.html'
    with pytest.raises(UserError, match='name the work folder'):
        write_training_page([tmp_path], out)
    path = log(tmp_path, '1', [], cut='no log\n{}')
    with pytest.raises(UserError, match='is no log'):
        write_training_page([path], out)
    path.write_text('')
    with pytest.raises(UserError, match='has logged nothing yet'):
        write_training_page([tmp_path], out)
    with pytest.raises(SystemExit, match='2'):
        main(['report', '--out', str(out)])
    assert not out.exists()


def test_a_real_training_has_its_curves(
    repo_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = repo_root / 'tests' / 'data' / 'toy_project'
    monkeypatch.syspath_prepend(str(folder))
    mmmtl.train(folder / 'toy.py', seed=1, work_dir=tmp_path / 'work')
    series = series_of(read_run(tmp_path / 'work'))
    assert series['loss']['steps']
    assert series['loss']['steps'][-1] <= 4
    assert {'lr', 'time', 'toy/count'} <= series.keys()


@pytest.mark.slow
def test_a_browser_draws_the_curves(tmp_path: Path) -> None:
    browser = shutil.which('chromium') or shutil.which('google-chrome')
    if browser is None:
        pytest.skip('no Chromium to open the page with')
    # In steps of 5 the axis of the rate has a single mark.
    rates = [1, 8.4, 8, 8]
    rows = [train(s, 5 / s, lr=rate) for s, rate in enumerate(rates, 1)]
    log(tmp_path / 'run', '1', rows)
    out = tmp_path / 'out.html'
    write_training_page([tmp_path / 'run'], out)
    done = subprocess.run(
        [
            *(browser, '--headless', '--no-sandbox', '--disable-gpu'),
            *('--virtual-time-budget=4000', '--dump-dom'),
            *(f'--user-data-dir={tmp_path / "profile"}', out.as_uri()),
        ],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    said = html.unescape(done.stdout)
    assert 'aria-label="loss over 4 iterations: run ends at 1.25"' in said
    figure = r'<figcaption>loss</figcaption>.*?<path d="M(.*?)"'
    (line,) = re.findall(figure, said)
    points = [[float(n) for n in p.split()] for p in line.split('L')]
    assert len(points) == 4
    # Iterations go right in even steps, smaller losses are lower.
    widths = [b[0] - a[0] for a, b in pairwise(points)]
    assert max(widths) - min(widths) < 0.2
    assert sorted(points, key=lambda point: point[1]) == points
    for figure in re.findall(r'<figure>.*?</figure>', said, re.S):
        # Two marks at least on each axis.
        for anchor in ('end', 'middle'):
            assert figure.count(f'text-anchor="{anchor}"') >= 2
