"""Lists of runs: what is trained, what is skipped, what the table says."""

from __future__ import annotations

import json
import runpy
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

TOOL = 'analysis_tools/grid.py'
FCN = 'configs/baselines/fcn-multi_efficientnet-lite0_rooms.py'
# By task: the metric, and its value for the seeds 0 and 1.
SINGLE = {
    'semseg': ('semseg/mIoU', (20.0, 40.0)),
    'depth': ('depth/rmse', (0.5, 0.5)),
    'normals': ('normals/mean_err', (20.0, 20.0)),
    'edge': ('edge/pixelF', (40.0, 40.0)),
}
PRIMARY = {'edge': 'pixelF'}


@pytest.fixture
def grid(tmp_path: Path) -> Path:
    """A list with single tasks as reference, a model and a variant of it."""
    path = tmp_path / 'rooms.json'
    rows = [
        dict(name='Single', config=FCN, single_task=True),
        dict(name='FCN', config=FCN),
        dict(name='slow FCN', config=FCN, options={'train_cfg.max_iters': 9}),
    ]
    content = dict(
        seeds=[0, 1],
        shape=[2, 3, 64, 96],
        reference='Single',
        options={'train_cfg.max_iters': 7},
        rows=rows,
    )
    path.write_text(json.dumps(content))
    return path


@pytest.fixture
def tool(repo_root: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The tool's names; a training is a note, its results fixed."""
    names = runpy.run_path(str(repo_root / 'tools' / TOOL))
    trained = names['trained'] = []

    def train_and_test(config: Any, folder: Path, *, seed: int) -> Path:
        trained.append((folder.name, config.train_cfg.max_iters))
        tasks = config.model.decode_head.tasks
        several = len(tasks) > 1
        values = {SINGLE[t][0]: SINGLE[t][1][seed] for t in tasks}
        if several:
            values['semseg/mIoU'] = 33.0
        folder.mkdir(parents=True)
        out = folder / 'results.json'
        primary = {t: PRIMARY[t] for t in tasks if t in PRIMARY}
        out.write_text(
            json.dumps(dict(metrics=values, primary=primary, versions={}))
        )
        return out

    monkeypatch.setitem(
        names['main'].__globals__, 'train_and_test', train_and_test
    )
    monkeypatch.chdir(repo_root)

    def run(*arguments: Any) -> None:
        monkeypatch.setattr(sys, 'argv', [TOOL, *map(str, arguments)])
        names['main']()

    names['run'] = run
    return names


def test_each_run_is_made_once_and_the_table_shows_all(
    tool: dict[str, Any],
    grid: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture,
) -> None:
    work = tmp_path / 'work'
    tool['run'](grid, '--work-dir', work, '--seeds', '0', '--rows', 'Single')
    assert [name for name, _ in tool['trained']] == [
        f'single-{task}.seed0' for task in SINGLE
    ]
    assert 'not run yet: single-semseg.seed1' in capsys.readouterr().err
    tool['run'](grid, '--work-dir', work)
    table = capsys.readouterr().out
    names = [name for name, _ in tool['trained']]
    assert len(names) == len(set(names)) == 2 * (4 + 1 + 1)
    assert dict(tool['trained'])['slow-fcn.seed1'] == 9
    assert dict(tool['trained'])['fcn.seed1'] == 7
    rows = {line.split('](')[0]: line for line in table.splitlines()}
    assert '30.00 ± 14.14' in rows['| [Single']
    # A tenth better than 30 in one of four tasks.
    assert '33.00 ± 0.00' in rows['| [FCN']
    assert '2.50 ± 0.00' in rows['| [FCN']
    link = rows['| [FCN'].partition('](')[2].partition(')')[0]
    assert link.endswith(FCN)
    count = len(tool['trained'])
    tool['run'](grid, '--work-dir', work)
    assert len(tool['trained']) == count


def test_runs_of_another_config_are_named(
    tool: dict[str, Any],
    grid: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture,
) -> None:
    tool['run'](grid, '--work-dir', tmp_path / 'work', '--rows', 'slow FCN')
    capsys.readouterr()
    content = json.loads(grid.read_text())
    content['rows'][2]['options'] = {'train_cfg.max_iters': 10}
    grid.write_text(json.dumps(content))
    tool['run'](grid, '--table')
    notes = capsys.readouterr().err
    assert (
        'run with another config than the one of now: slow-fcn.seed0, '
        'slow-fcn.seed1'
    ) in notes


def test_rows_and_seeds_that_are_not_in_the_list(
    run_tool: Callable, grid: Path
) -> None:
    for options, message in (
        (('--rows', 'FNC'), "--rows 'FNC': did you mean 'FCN'"),
        (('--seeds', '1', '7'), '--seeds [7]: the list has [0, 1]'),
    ):
        end = run_tool(TOOL, grid, *options)
        assert end.code == 2
        assert message in end.err


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (dict(reference='none'), "reference 'none' is no row"),
        (dict(rows=[dict(name='a', config=FCN)] * 2), 'another name'),
        (dict(rows=[dict(name='a', recipe=FCN)]), 'recipe'),
        (dict(rows=[dict(name='a')]), 'config'),
    ],
)
def test_no_list(
    run_tool: Callable, grid: Path, change: dict[str, Any], message: str
) -> None:
    content = json.loads(grid.read_text()) | change
    grid.write_text(json.dumps(content))
    result = run_tool(TOOL, grid, '--table')
    assert result.code == 2
    assert message in result.err


@pytest.mark.slow
def test_a_real_grid(
    run_tool: Callable, repo_root: Path, tmp_path: Path
) -> None:
    rooms = tmp_path / 'rooms'
    subprocess.run(
        [
            sys.executable,
            'tools/dataset_converters/rooms.py',
            str(rooms),
            *('--layout', 'nyud', '--num-train', '4', '--num-val', '2'),
            *('--size', '64', '96', '--seed', '0'),
        ],
        cwd=repo_root,
        check=True,
        capture_output=True,
    )
    options: dict[str, Any] = {
        f'{split}_dataloader.{key}': value
        for split in ('train', 'val', 'test')
        for key, value in {
            'dataset.data_root': str(rooms),
            'num_workers': 0,
            'persistent_workers': False,
        }.items()
    }
    options |= {
        'train_cfg.max_iters': 2,
        'train_cfg.val_interval': 2,
        'default_hooks.checkpoint.interval': 2,
        'train_dataloader.dataset.pipeline.3.crop_size': (64, 96),
    }
    path = tmp_path / 'small.json'
    row = dict(name='FCN', config=str(repo_root / FCN), options=options)
    content = dict(seeds=[3], shape=[2, 3, 64, 96], rows=[row])
    path.write_text(json.dumps(content))
    done = run_tool(TOOL, path, '--work-dir', tmp_path / 'work')
    assert done.code == 0, done.err[-2000:]
    result = json.loads((tmp_path / 'small/fcn.seed3.json').read_text())
    assert result['seed'] == 3
    assert {'semseg/mIoU', 'edge/pixelF'} <= result['metrics'].keys()
    done = run_tool(TOOL, path, '--measure')
    assert done.code == 0, done.err[-2000:]
    cost = json.loads((tmp_path / 'small/fcn.cost.json').read_text())
    assert cost['parameters'] > 3e6
    assert 0 < cost['cpu_seconds_per_step'] < 60
    line = done.out.strip().splitlines()[-1]
    assert f'{cost["multiply_adds_of_an_image"] / 1e9:.2f} G' in line
    assert line.endswith('| 1 |')
