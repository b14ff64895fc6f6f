"""No checkpoint goes before the one that replaces it is there."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from mmengine.config import Config
from mmengine.evaluator import BaseMetric
from mmengine.hooks import CheckpointHook
from mmengine.runner import save_checkpoint

from mmmtl.engine.hooks import SafeCheckpointHook
from mmmtl.engine.runner import MultiTaskRunner
from mmmtl.errors import UserError
from mmmtl.registry import METRICS
from tests.full_disk import full_disk


@METRICS.register_module(force=True)
class Growing(BaseMetric):
    """Two scores that are the better, the later."""

    times = 0

    def process(self, data_batch: Any, data_samples: list) -> None:
        self.results.append(0)

    def compute_metrics(self, results: list) -> dict[str, float]:
        Growing.times += 1
        return {'a': float(Growing.times), 'b': -float(Growing.times)}


@pytest.fixture
def config(
    repo_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Config:
    """Saves and validates after each of six iterations."""
    folder = repo_root / 'tests' / 'data' / 'toy_project'
    monkeypatch.syspath_prepend(str(folder))
    config = Config.fromfile(folder / 'toy.py')
    config.val_evaluator = dict(type='Growing')
    config.train_cfg = dict(
        type='IterBasedTrainLoop', max_iters=6, val_interval=1
    )
    config.default_hooks.checkpoint.interval = 1
    config.work_dir = str(tmp_path / 'run')
    return config


def train(config: Config, **hook: Any) -> MultiTaskRunner:
    config.default_hooks.checkpoint.update(hook)
    runner = MultiTaskRunner.from_cfg(config)
    runner.train()
    return runner


def names(folder: str | Path) -> list[str]:
    return sorted(
        path.name for path in Path(folder).iterdir() if 'pth' in path.name
    )


@pytest.mark.parametrize('kept', [1, 2])
def test_it_keeps_as_many_as_mmengine(config: Config, kept: int) -> None:
    runner = train(config, max_keep_ckpts=kept)
    assert (
        names(config.work_dir)
        == [f'iter_{7 - kept}.pth', 'iter_6.pth'][2 - kept :]
    )
    hooks = [h for h in runner.hooks if isinstance(h, CheckpointHook)]
    assert [type(hook) for hook in hooks] == [SafeCheckpointHook]


def test_a_validation_before_any_training(config: Config) -> None:
    config.default_hooks.checkpoint.max_keep_ckpts = 1
    runner = MultiTaskRunner.from_cfg(config)
    assert runner.val().keys() == {'a', 'b'}
    assert names(config.work_dir) == []


def test_a_save_that_fails_leaves_the_one_before(
    config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    train(config, max_keep_ckpts=1)
    whole = Path(config.work_dir, 'iter_6.pth').read_bytes()

    def save(content: dict, path: str, **more: Any) -> None:
        with full_disk(len(whole) // 2):
            save_checkpoint(content, path, **more)

    monkeypatch.setattr('mmengine.runner.runner.save_checkpoint', save)
    config.update(resume=True)
    config.train_cfg.max_iters = 7
    with pytest.raises(UserError, match=r'iter_7\.pth cannot be written'):
        train(config)
    assert names(config.work_dir) == ['iter_6.pth']
    assert Path(config.work_dir, 'iter_6.pth').read_bytes() == whole


@pytest.mark.parametrize('metrics', [['a'], ['a', 'b']])
def test_the_best_goes_last(
    config: Config, metrics: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """At every save, the best one of before is still there."""
    seen = {}

    def save(content: dict, path: str, **more: Any) -> None:
        seen[content['meta']['iter']] = names(config.work_dir)
        save_checkpoint(content, path, **more)

    monkeypatch.setattr('mmengine.runner.runner.save_checkpoint', save)
    rules = ['greater', 'less'][: len(metrics)]
    train(config, max_keep_ckpts=1, save_best=metrics, rule=rules)
    best = [f'best_{key}_iter_6.pth' for key in metrics]
    assert names(config.work_dir) == [*best, 'iter_6.pth']
    # The last save of the sixth iteration is that of an ordinary one.
    assert {f'best_{key}_iter_5.pth' for key in metrics} < {*seen[6]}


def test_a_copied_folder_leaves_the_original_alone(config: Config) -> None:
    train(config, max_keep_ckpts=1, save_best='a', rule='greater')
    copy = f'{config.work_dir}_copy'
    shutil.copytree(config.work_dir, copy)
    config.update(work_dir=copy, resume=True)
    config.train_cfg.max_iters = 7
    train(config)
    assert names(copy) == ['best_a_iter_7.pth', 'iter_7.pth']
    original = copy.removesuffix('_copy')
    assert names(original) == ['best_a_iter_6.pth', 'iter_6.pth']


def test_what_a_kill_left_is_removed(config: Config) -> None:
    """The file that was being written, and the one not yet deleted."""
    train(config, max_keep_ckpts=2)
    folder = Path(config.work_dir)
    (folder / '.iter_7.123.partial.pth').touch()
    shutil.copy(folder / 'iter_5.pth', folder / 'iter_4.pth')
    config.resume = True
    train(config)
    assert names(config.work_dir) == ['iter_5.pth', 'iter_6.pth']
