"""Our runner and the door its weights come through."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.registry import RUNNERS as MMENGINE_RUNNERS
from mmengine.runner import CheckpointLoader, Runner
from mmengine.runner.checkpoint import _load_checkpoint_with_prefix
from torch import nn

from mmmtl.engine import checkpoint
from mmmtl.engine.prepare import parse_options, set_resume
from mmmtl.engine.runner import MultiTaskRunner, build_runner
from mmmtl.engine.weights import open_door, read_start_files
from mmmtl.errors import UserError
from mmmtl.models.decode_heads.task_outputs import read_tasks
from tests.full_disk import full_disk
from tests.own_tasks import own_table


@pytest.fixture
def toy(repo_root: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = repo_root / 'tests' / 'data' / 'toy_project'
    monkeypatch.syspath_prepend(str(folder))
    return folder / 'toy.py'


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often each file is opened by PyTorch."""
    counts: Counter[str] = Counter()
    load = torch.load

    def counting(path: Any, *args: Any, **more: Any) -> Any:
        counts[str(path)] += 1
        return load(path, *args, **more)

    monkeypatch.setattr(torch, 'load', counting)
    return counts


def trained(toy: Path, folder: Path) -> Path:
    config = Config.fromfile(toy)
    config.work_dir = str(folder)
    build_runner(config).train()
    return folder / 'iter_4.pth'


@pytest.mark.parametrize('way', ['load_from', 'resume'])
def test_every_file_is_read_once(
    way: str, toy: Path, tmp_path: Path, reads: Counter[str]
) -> None:
    start = trained(toy, tmp_path / 'before')
    if way == 'resume':
        start = start.with_name('iter_2.pth')
    backbone = tmp_path / 'backbone.pth'
    config = Config.fromfile(toy)
    state = {
        key.removeprefix('backbone.'): torch.full_like(value, 7)
        for key, value in checkpoint.read_checkpoint(start)[
            'state_dict'
        ].items()
        if key.startswith('backbone.')
    }
    torch.save(state, backbone)
    config.model.backbone.init_cfg = dict(
        type='Pretrained', checkpoint=str(backbone)
    )
    config.work_dir = str(tmp_path / 'after')
    config.load_from = str(start)
    config.resume = way == 'resume'
    config.train_cfg.max_iters = 4
    reads.clear()
    build_runner(config).train()
    assert reads == {str(start): 1, str(backbone): 1}


def test_mmengine_reads_through_the_door(tmp_path: Path) -> None:
    open_door()
    path = tmp_path / 'weights.pth'
    torch.save({'state_dict': {'backbone.a': torch.ones(1)}}, path)
    loaded = _load_checkpoint_with_prefix('backbone', str(path))
    assert loaded['a'].item() == 1
    with pytest.raises(UserError, match=r'none\.pth: no such file'):
        CheckpointLoader.load_checkpoint(str(tmp_path / 'none.pth'))


def test_file_that_changed_since_it_was_read_is_read_again(
    tmp_path: Path,
) -> None:
    """A run that was refused has read what a later one must not take."""
    path = tmp_path / 'weights.pth'
    torch.save({'a': torch.full((1,), 1)}, path)
    read_start_files(dict(load_from=str(path)))
    torch.save({'a': torch.full((1,), 2)}, path)
    open_door()
    loaded = CheckpointLoader.load_checkpoint(str(path))
    assert loaded['a'].item() == 2


def test_runner_type_of_other_projects_tools(
    toy: Path, tmp_path: Path
) -> None:
    config = Config.fromfile(toy)
    config.update(
        runner_type='mmmtl.MultiTaskRunner',
        work_dir=str(tmp_path / 'work'),
        load_from=str(tmp_path / 'none.pth'),
    )
    with pytest.raises(UserError, match=r'none\.pth: no such file'):
        MMENGINE_RUNNERS.build(config)
    assert not (tmp_path / 'work').exists()
    config.load_from = None
    config.model.backbone.init_cfg.type = 'mmengine.Pretrained'
    runner = MMENGINE_RUNNERS.build(config)
    assert type(runner) is MultiTaskRunner
    # As mmengine compares it.
    assert runner.model.backbone.init_cfg['type'] == 'Pretrained'


def test_runner_is_found_before_anything_of_ours_is_imported(
    repo_root: Path,
) -> None:
    code = (
        'from mmengine.registry import RUNNERS\n'
        "print(RUNNERS.get('mmmtl.MultiTaskRunner').__name__)"
    )
    done = subprocess.run(
        [sys.executable, '-c', code],
        cwd=repo_root,
        capture_output=True,
        text=True,
    )
    assert done.stdout.endswith('MultiTaskRunner\n'), done.stderr


def test_a_refused_run_leaves_the_config_beside_the_weights(
    toy: Path, tmp_path: Path
) -> None:
    """They would be read by another one: other classes, another spread."""
    work = tmp_path / 'work'
    trained(toy, work)
    before = (work / 'toy.py').read_text()
    config = Config.fromfile(toy)
    config.update(work_dir=str(work), note='another')
    runner = build_runner(config)
    assert (work / 'toy.py').read_text() == before
    runner.train()
    assert "note = 'another'" in (work / 'toy.py').read_text()


def test_an_evaluation_with_other_rows_is_refused(
    toy: Path, tmp_path: Path
) -> None:
    """It would measure other values; a training starts from them anew."""
    work = tmp_path / 'work'
    weights = trained(toy, work)
    content = torch.load(weights)
    content['meta']['cfg'] += "new_tasks = dict(h=dict(kind='scalar', mean=1))"
    torch.save(content, weights)
    config = Config.fromfile(toy)
    config.update(
        work_dir=str(work),
        load_from=str(weights),
        new_tasks=dict(h=dict(kind='scalar', mean=2)),
    )
    with own_table():
        for purpose in ('test', 'train'):
            runner = build_runner(config)
            runner.model.decode_head = nn.Module()
            runner.model.decode_head.outputs = read_tasks({'h': {}})
            if purpose == 'train':
                runner.train()
            else:
                with pytest.raises(UserError, match=r'h with .*mean=1'):
                    runner.test()


def test_an_evaluation_leaves_the_config_of_the_training(
    toy: Path, tmp_path: Path
) -> None:
    """`predict WORK_DIR` reads it; a --tta or another size would stay."""
    work = tmp_path / 'work'
    weights = trained(toy, work)
    before = (work / 'toy.py').read_text()
    config = Config.fromfile(toy)
    config.update(work_dir=str(work), load_from=str(weights), note='another')
    runner = build_runner(config)
    runner.test()
    assert (work / 'toy.py').read_text() == before
    own = Path(runner.log_dir, 'toy.py')
    assert "note = 'another'" in own.read_text()


def test_a_hook_that_ends_a_job_does_not_end_the_training(
    toy: Path, tmp_path: Path
) -> None:
    """Its time is over, say; the patience of early stopping is not."""

    class TimeIsOver(Hook):
        def after_train_iter(self, runner: Runner, **others: Any) -> None:
            runner.train_loop.stop_training = True

    patience = dict(type='EarlyStoppingHook', monitor='toy/error', rule='less')
    config = Config.fromfile(toy)
    config.merge_from_dict({'default_hooks.checkpoint.interval': 1})
    config.update(work_dir=str(tmp_path), custom_hooks=[patience])
    runner = build_runner(config)
    runner.register_hook(TimeIsOver())
    runner.train()
    assert runner.iter < 4
    config.resume = True
    runner = build_runner(config)
    runner.train()
    assert runner.iter == 4


def test_a_config_may_name_another_runner(toy: Path, tmp_path: Path) -> None:
    config = Config.fromfile(toy)
    config.update(runner_type='Runner', work_dir=str(tmp_path))
    assert type(build_runner(config)) is Runner


@pytest.mark.parametrize(
    ('change', 'words'),
    [
        (lambda c: c.pop('optimizer'), 'no state of a training'),
        (lambda c: c.update(meta=None), 'no state of a training'),
        (lambda c: c.update(meta=[]), 'no state of a training'),
        (lambda c: c.update(optimizer=[]), 'no state of a training'),
        (lambda c: c['meta'].update(config='x = 1'), r'meta\.config'),
    ],
)
def test_what_cannot_be_resumed_is_refused_before_a_folder_is_made(
    change: Callable, words: str, toy: Path, tmp_path: Path
) -> None:
    path = trained(toy, tmp_path / 'before')
    content = checkpoint.read_checkpoint(path)
    change(content)
    torch.save(content, path)
    config = Config.fromfile(toy)
    config.update(work_dir=str(tmp_path / 'work'))
    set_resume(config, str(path))
    with pytest.raises(UserError, match=words):
        build_runner(config)
    assert not (tmp_path / 'work').exists()


def test_options_are_read_as_mmengine_reads_them() -> None:
    found = parse_options(['a.b=[1,2]', 'c=None', 'd=x=y', 'e=1e-3'])
    assert found == {'a.b': [1, 2], 'c': None, 'd': 'x=y', 'e': 1e-3}
    assert parse_options([]) == {}


def test_a_spoiled_average_is_not_resumed(toy: Path, tmp_path: Path) -> None:
    """It is exchanged with the weights before those are looked at."""
    config = Config.fromfile(toy)
    config.work_dir = str(tmp_path)
    config.custom_hooks = [dict(type='EMAHook')]
    build_runner(config).train()
    path = tmp_path / 'iter_2.pth'
    content = checkpoint.read_checkpoint(path)
    content['state_dict']['head.weight'].fill_(torch.nan)
    torch.save(content, path)
    config.load_from, config.resume = str(path), True
    with pytest.raises(UserError, match=r'head\.weight'):
        build_runner(config).train()


def test_a_log_without_room_is_said_once(
    toy: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    config = Config.fromfile(toy)
    config.work_dir = str(tmp_path)
    runner = build_runner(config)
    (log,) = tmp_path.glob('*/*.log')
    with full_disk(log.stat().st_size + 5):
        runner.logger.info('first')
        runner.logger.info('second')
    assert capsys.readouterr().err == (
        f'warning: {log} cannot be written (File too large): lines of the '
        'log will be missing\n'
    )
    runner.logger.info('third')
    assert log.read_text().endswith('third\n')
