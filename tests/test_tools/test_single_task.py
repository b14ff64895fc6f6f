"""Single-task runs of a config: trained once, collected, refused."""

from __future__ import annotations

import json
import runpy
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from mmmtl.engine.config import load_config, parse_options
from mmmtl.engine.single_task_config import single_task_config
from mmmtl.errors import UserError
from mmmtl.evaluation import MultiTaskEvaluator

TOOL = 'analysis_tools/single_task.py'
CONFIG = 'configs/baselines/fcn-multi_swin-t_rooms.py'
VALUES = dict(semseg=('semseg/mIoU', 20.0), depth=('depth/rmse', 0.7))


@pytest.fixture
def results(tmp_path: Path) -> list[str]:
    pairs = []
    for task, (key, value) in VALUES.items():
        path = tmp_path / f'{task}.json'
        path.write_text(json.dumps({'metrics': {key: value}}))
        pairs.append(f'{task}={path}')
    return pairs


def test_given_results_are_collected(
    run_tool: Callable, repo_root: Path, results: list[str], tmp_path: Path
) -> None:
    out = tmp_path / 'new' / 'single.json'
    result = run_tool(
        TOOL,
        *(repo_root / CONFIG, '--out', out, '--collect'),
        *('--tasks', 'semseg', 'depth', '--results', *results),
    )
    assert result.code == 0, result.err
    content = json.loads(out.read_text())
    assert content['single_task'] == {'semseg': 20.0, 'depth': 0.7}
    assert content['primary'] == {'semseg': 'mIoU', 'depth': 'rmse'}
    assert content['runs']['depth']['metrics'] == {'depth/rmse': 0.7}
    metrics = [dict(type='SegmentationMetric'), dict(type='DepthErrorMetric')]
    evaluator = MultiTaskEvaluator(metrics, single_task=str(out))
    assert evaluator.single_task == {'semseg': 20.0, 'depth': 0.7}
    metrics.append(dict(type='NormalsMetric'))
    with pytest.raises(
        ValueError, match=r"measured in \['normals/mean_err'\]"
    ):
        MultiTaskEvaluator(metrics, single_task=out)


def test_the_config_of_a_task_is_printed(
    run_tool: Callable, repo_root: Path, tmp_path: Path
) -> None:
    """As a file that the train tool takes."""
    result = run_tool(TOOL, repo_root / CONFIG, '--print', 'depth')
    assert result.code == 0, result.err
    file = tmp_path / 'depth.py'
    file.write_text(result.out)
    want = single_task_config(load_config(repo_root / CONFIG), 'depth')
    assert load_config(file).to_dict() == want.to_dict()
    assert want.tasks == ['depth']
    unknown = run_tool(TOOL, repo_root / CONFIG, '--print', 'saliency')
    assert unknown.code == 2
    assert "has no 'saliency'" in unknown.err


def test_multi_task_results_are_refused(
    run_tool: Callable, repo_root: Path, tmp_path: Path
) -> None:
    path, out = tmp_path / 'multi.json', tmp_path / 'single.json'
    path.write_text(json.dumps({'metrics': dict(VALUES.values())}))
    result = run_tool(
        TOOL,
        *(repo_root / CONFIG, '--out', out, '--collect'),
        *('--tasks', 'depth', '--results', f'depth={path}'),
    )
    assert result.code == 2
    assert f"{path} hold metrics of ['semseg'] too" in result.err
    assert not out.exists()


@pytest.mark.parametrize(
    ('arguments', 'words'),
    [
        (['--collect'], '--collect: '),
        (['--tasks', 'saliency'], "--tasks ['saliency']: choose among"),
        (['--results', 'depth'], 'write TASK=FILE.json'),
        (['--results', 'depth=none.json', '--tasks', 'depth'], 'no such'),
    ],
)
def test_bad_arguments_are_one_line(
    run_tool: Callable,
    repo_root: Path,
    tmp_path: Path,
    arguments: list[str],
    words: str,
) -> None:
    result = run_tool(
        TOOL,
        *(repo_root / CONFIG, '--out', tmp_path / 'single.json'),
        *('--work-dir', tmp_path / 'work', *arguments),
    )
    assert result.code == 2
    assert result.err.splitlines()[-1].startswith('error: ')
    assert words in result.err
    assert not (tmp_path / 'work').exists()


def test_several_processes_go_through_the_launch_scripts(
    repo_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = runpy.run_path(str(repo_root / 'tools/analysis_tools/runs.py'))
    commands: list[tuple[str, ...]] = []
    monkeypatch.setitem(
        names['_tool'].__globals__, '_run', lambda *c: commands.append(c)
    )
    monkeypatch.setenv('PYTHON', sys.executable)
    names['_tool']('train', Path('a.py'), ['--resume'], 4)
    names['_tool']('test', Path('a.py'), ['b.pth', '--out', 'c.json'], 4)
    folder = repo_root / 'tools'
    assert commands == [
        ('bash', f'{folder}/dist_train.sh', 'a.py', '4', '--resume'),
        (
            *('bash', f'{folder}/dist_test.sh', 'a.py', 'b.pth', '4'),
            *('--out', 'c.json'),
        ),
    ]


def test_options_give_the_authors_recipe(
    repo_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The command of configs/sca/README.md for PASCAL-Context."""
    readme = (repo_root / 'configs/sca/README.md').read_text()
    (block,) = (b for b in readme.split('```') if '--optimizer' in b)
    text = block.removeprefix('bash').replace('\\\n', ' ')
    command = shlex.split(text)
    assert command[:2] == ['python', f'tools/{TOOL}']
    monkeypatch.chdir(repo_root)
    monkeypatch.setattr(sys, 'argv', command[1:])
    names = runpy.run_path(str(repo_root / 'tools' / TOOL))
    args = names['parse_args']()
    config = load_config(args.config, parse_options(args.cfg_options))
    changed = names['change_model'](config, args)
    assert changed.optim_wrapper.optimizer == dict(
        type='SGD', lr=0.01, momentum=0.9, weight_decay=1e-4
    )
    assert changed.train_cfg.max_epochs == 60
    assert changed.train_cfg.dynamic_intervals == [(51, 1)]
    assert changed.param_scheduler[0].end == 61
    assert changed.train_dataloader.batch_size == 8
    weights = {t: o.weight for t, o in changed.model.decode_head.tasks.items()}
    assert weights == dict(semseg=1, human_parts=1, saliency=1)
    assert changed.model.decode_head.type == 'PerTaskHeads'
    args.optimizer = ['SGD', '0.01']
    with pytest.raises(UserError, match=r'--optimizer SGD 0\.01: write KEY'):
        names['change_model'](config, args)


@pytest.mark.slow
def test_trains_each_task_once_and_gives_delta_m(
    run_tool: Callable, repo_root: Path, tmp_path: Path
) -> None:
    rooms = tmp_path / 'rooms'
    subprocess.run(
        [
            sys.executable,
            'tools/dataset_converters/rooms.py',
            str(rooms),
            *('--layout', 'nyud', '--num-train', '4', '--num-val', '2'),
            *('--size', '64', '80', '--seed', '0'),
        ],
        cwd=repo_root,
        check=True,
        capture_output=True,
    )
    splits = ('train', 'val', 'test')
    options = [
        *(f'{s}_dataloader.dataset.data_root={rooms}' for s in splits),
        *(f'{s}_dataloader.num_workers=0' for s in splits),
        *(f'{s}_dataloader.persistent_workers=False' for s in splits),
        'model.backbone.depths=[1,1,1,1]',
        'train_dataloader.batch_size=2',
        'train_dataloader.dataset.pipeline.3.crop_size=(32,48)',
        'train_cfg.max_iters=1',
        'train_cfg.val_interval=1',
        'default_hooks.checkpoint.interval=1',
    ]
    out, work = tmp_path / 'single.json', tmp_path / 'work'
    command = (
        *(repo_root / CONFIG, '--out', out, '--work-dir', work),
        *('--tasks', 'depth', '--cfg-options', *options),
    )
    result = run_tool(TOOL, *command)
    assert result.code == 0, result.err[-2000:]
    first = json.loads(out.read_text())['single_task']
    assert set(first) == {'depth'}
    assert first['depth'] > 0
    kept = {p: p.stat().st_mtime_ns for p in work.rglob('*') if p.is_file()}
    assert sorted(p.name for p in work.iterdir()) == ['depth', 'depth.py']

    out.unlink()
    assert run_tool(TOOL, *command).code == 0
    assert json.loads(out.read_text())['single_task'] == first
    assert kept == {
        p: p.stat().st_mtime_ns for p in work.rglob('*') if p.is_file()
    }
    other = run_tool(TOOL, *command, 'optim_wrapper.optimizer.lr=0.1')
    assert other.code == 2
    assert 'is another config' in other.err
