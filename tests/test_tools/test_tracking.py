"""``--vis``: one option for programs that show a training."""

from __future__ import annotations

import importlib.util
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mmengine import visualization
from mmengine.config import Config

import mmmtl
from mmmtl.cli.app import main
from mmmtl.engine.tracking import add_tracker
from mmmtl.errors import UserError


@pytest.fixture
def all_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr('mmmtl.engine.tracking.find_spec', lambda name: name)


@pytest.mark.usefixtures('all_installed')
@pytest.mark.parametrize(
    ('tracker', 'back_end'),
    [
        ('tensorboard', 'TensorboardVisBackend'),
        ('wandb', 'WandbVisBackend'),
    ],
)
def test_a_back_end_is_added_once(tracker: Any, back_end: str) -> None:
    """To the log, not in its place; mmengine has it by this name."""
    config = Config(
        dict(visualizer=dict(name='v', vis_backends=[dict(type='Local')]))
    )
    for _ in range(2):
        add_tracker(config, tracker)
        assert config.visualizer == dict(
            name='v', vis_backends=[dict(type='Local'), dict(type=back_end)]
        )
    assert getattr(visualization, back_end).__name__ == back_end
    own = dict(type=back_end, save_dir='mine')
    config = Config(dict(visualizer=dict(vis_backends=[own])))
    add_tracker(config, tracker)
    assert config.visualizer.vis_backends == [own]
    config = Config(dict(work_dir='w'))
    add_tracker(config, tracker)
    assert config.visualizer.type == 'MultiTaskVisualizer'


@pytest.mark.usefixtures('all_installed')
def test_mlflow_gets_a_database_for_all_trainings_of_a_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv('MLFLOW_TRACKING_URI', raising=False)
    config = Config(dict(work_dir=str(tmp_path / 'demt')))
    add_tracker(config, 'mlflow')
    assert config.visualizer.vis_backends == [
        dict(
            type='MLflowVisBackend',
            exp_name='mmmtl',
            run_name='demt',
            tracking_uri=f'sqlite:///{tmp_path}/mlflow.db',
            artifact_location=f'file://{tmp_path}/mlflow',
        )
    ]
    back_end = visualization.MLflowVisBackend
    settings = dict(config.visualizer.vis_backends[0], save_dir='x')
    del settings['type']
    assert inspect.signature(back_end).bind(**settings)
    monkeypatch.setenv('MLFLOW_TRACKING_URI', 'http://tracker')
    config = Config(dict(work_dir=str(tmp_path / 'demt')))
    add_tracker(config, 'mlflow')
    (added,) = config.visualizer.vis_backends
    assert added.tracking_uri == 'http://tracker'
    assert 'artifact_location' not in added


def test_what_is_missing_is_said_before_anything_is_built(
    toy_config: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(
        'mmmtl.engine.tracking.find_spec',
        lambda name: None if name == 'wandb' else find(name),
    )
    work = tmp_path / 'work'
    words = ['train', toy_config, '--vis', 'wandb', '--work-dir', work]
    with pytest.raises(SystemExit, match='2'):
        main([str(word) for word in words])
    assert "needs the package wandb: pip install 'wandb'" in (
        capsys.readouterr().err
    )
    assert not work.exists()
    with pytest.raises(UserError, match='--vis wandb needs'):
        mmmtl.train(toy_config, work_dir=work, vis='wandb')


def test_tensorboard_gets_what_the_log_gets(
    run_tool: Callable, toy_config: Path, tmp_path: Path
) -> None:
    pytest.importorskip('tensorboard')
    from tensorboard.backend.event_processing.event_accumulator import (
        EventAccumulator,
    )

    work = tmp_path / 'work'
    done = run_tool(
        'train.py', toy_config, '--vis', 'tensorboard', '--work-dir', work
    )
    assert done.code == 0, done.err
    (events,) = work.rglob('events.out.*')
    found = EventAccumulator(str(events)).Reload()
    assert {'loss', 'lr', 'toy/count'} <= set(found.Tags()['scalars'])
    assert [s.value for s in found.Scalars('toy/count')][-1] == 6
    # The config in the work folder says so, too.
    (config,) = work.glob('*.py')
    assert "type='TensorboardVisBackend'" in config.read_text()
    again = run_tool('train.py', config, '--resume', '--work-dir', work)
    assert again.code == 0, again.err
