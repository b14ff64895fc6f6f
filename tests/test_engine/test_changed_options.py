"""A resumed training is the one that was begun, or says what changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from mmengine.config import Config
from torch import nn

from mmmtl.engine.changed_options import (
    changed_options,
    check_meaning,
    check_options,
)
from mmmtl.errors import UserError
from mmmtl.models.decode_heads.task_outputs import read_tasks
from mmmtl.tasks import register_task
from tests.own_tasks import own_table


@pytest.fixture
def config(repo_root: Path) -> Config:
    return Config.fromfile(
        repo_root / 'configs' / 'demt' / 'demt_swin-t_nyud.py'
    )


@pytest.fixture
def checkpoint(config: Config) -> dict:
    """What a run of the config has saved half way."""
    meta = dict(cfg=config.pretty_text, iter=20_000, epoch=0, processes=1)
    return dict(meta=meta)


def test_nothing_changed(config: Config, checkpoint: dict) -> None:
    config.update(work_dir='elsewhere', resume=True, launcher='none')
    assert check_options(config, checkpoint, 'a.pth') == []


@pytest.mark.parametrize(
    ('change', 'words'),
    [
        ({'optim_wrapper.optimizer.lr': 0.01}, r'optimizer\.lr \(0\.001 -> 0'),
        ({'train_dataloader.batch_size': 4}, r'batch_size \(1 -> 4\)'),
        (
            {'model.decode_head.tasks.depth.weight': 3.0},
            r'tasks\.depth\.weight \(nothing -> 3\.0\)',
        ),
        (
            {'train_dataloader.dataset.split': 'val'},
            r"dataset\.split \('train' -> 'val'\)",
        ),
        ({'custom_hooks': [dict(type='EMAHook')]}, r"nothing -> 'EMAHook'"),
        ({'val_dataloader.dataset.split': 'train'}, r'val_dataloader'),
        ({'randomness.seed': 3}, r'randomness\.seed \(nothing -> 3\)'),
    ],
)
def test_another_training_is_refused_unless_asked_for(
    config: Config, checkpoint: dict, change: Mapping, words: str
) -> None:
    config.merge_from_dict(change)
    with pytest.raises(UserError, match=words):
        check_options(config, checkpoint, 'a.pth')
    config.resume_changed = True
    notes = '\n'.join(check_options(config, checkpoint, 'a.pth'))
    assert f'resuming with {next(iter(change)).partition(".")[0]}' in notes


def test_another_number_of_processes_is_refused(
    config: Config, checkpoint: dict
) -> None:
    checkpoint['meta']['processes'] = 8
    with pytest.raises(UserError, match=r'processes \(8 -> 1\)'):
        check_options(config, checkpoint, 'a.pth')


@pytest.mark.parametrize(
    'change',
    [
        {'train_dataloader.num_workers': 7},
        {'default_hooks.logger.interval': 7},
        {'default_hooks.checkpoint.max_keep_ckpts': 7},
        {'train_cfg.val_interval': 7},
        {'train_cfg.max_iters': 30_000},
        {'test_dataloader.dataset.split': 'train'},
        {'model.backbone.init_cfg.checkpoint': 'elsewhere.pth'},
        {'env_cfg.cudnn_benchmark': False},
    ],
)
def test_what_leaves_the_training_the_same_is_listed(
    config: Config, checkpoint: dict, change: Mapping
) -> None:
    config.merge_from_dict(change)
    (note,) = check_options(config, checkpoint, 'a.pth')
    assert f'in the same training: {next(iter(change))} (' in note


def test_the_length_of_a_schedule_without_an_end_belongs_to_it(
    config: Config, checkpoint: dict
) -> None:
    del config.param_scheduler[0]['end']
    checkpoint['meta']['cfg'] = config.pretty_text
    config.train_cfg.max_iters = 30_000
    with pytest.raises(UserError, match=r'max_iters \(40000 -> 30000\)'):
        check_options(config, checkpoint, 'a.pth')


def test_what_cannot_change_is_said(config: Config, checkpoint: dict) -> None:
    change = {
        'resume_changed': True,
        'optim_wrapper.optimizer.lr': 0.01,
        'train_dataloader.batch_size': 4,
    }
    config.merge_from_dict(change)
    note = check_options(config, checkpoint, 'a.pth')[-1]
    assert note.startswith('without effect')
    assert 'optimizer.lr' in note
    assert 'batch_size' not in note


def test_the_seed_may_be_left_out(config: Config) -> None:
    """The checkpoint's is taken."""
    meta = dict(cfg=config.pretty_text + '\nrandomness = dict(seed=3)')
    assert changed_options(config, meta) == {}
    config.randomness = dict(seed=None)
    assert changed_options(config, meta) == {}
    config.randomness = dict(seed=4)
    assert changed_options(config, meta) == {'randomness.seed': '3 -> 4'}


def test_the_text_of_a_config_is_not_run(
    config: Config, tmp_path: Path
) -> None:
    text = f'work_dir = open({str(tmp_path / "run")!r}, "w")\n'
    changed_options(config, dict(cfg=text + config.pretty_text))
    assert not (tmp_path / 'run').exists()


@pytest.mark.parametrize('text', ['', None, 'a = (', '(' * 5000, 'a.b = 1'])
def test_a_text_that_is_no_config(
    config: Config, checkpoint: dict, text: str | None
) -> None:
    checkpoint['meta']['cfg'] = text
    (note,) = check_options(config, checkpoint, 'a.pth')
    assert 'holds no config' in note


def test_beyond_the_end_there_is_nothing_to_train(
    config: Config, checkpoint: dict
) -> None:
    config.merge_from_dict({'train_cfg.max_iters': 10_000})
    with pytest.raises(UserError, match=r'iter 20000, beyond .*=10000'):
        check_options(config, checkpoint, 'a.pth')
    checkpoint['meta']['iter'] = 10_000
    assert 'nothing to do' in check_options(config, checkpoint, 'a.pth')[-1]


HEIGHT = dict(kind='scalar', unit='m', mean=0.1, spread=2.0)


@pytest.fixture
def model() -> Iterator[nn.Module]:
    """A model of heights and depth below 10 m."""
    with own_table():
        register_task('height', **HEIGHT, painter='grey')
        made = nn.Module()
        made.decode_head = nn.Module()
        made.decode_head.outputs = read_tasks(
            {'height': {}, 'depth': {'max_value': 10}}
        )
        yield made


def trained(*, max_value: float | None = 10.0, **height: object) -> dict:
    """A checkpoint of such a model, or one that differs."""
    row = dict(HEIGHT, **height)
    limit = {} if max_value is None else dict(max_value=max_value)
    tasks = dict(height=dict(weight=1.0), depth=dict(limit, weight=3.0))
    config = Config(
        dict(
            new_tasks=dict(height=row, unused=dict(kind='binary')),
            model=dict(decode_head=dict(tasks=tasks)),
        )
    )
    return dict(meta=dict(cfg=config.pretty_text))


@pytest.mark.parametrize(
    ('then', 'words'),
    [
        (dict(mean=4.4), r'height with .*mean=4\.4'),
        (dict(spread=1.0), r'height with .*spread=1\.0'),
        (dict(unit='cm'), "height with .*unit='cm'"),
        (dict(kind='vanished'), "height with kind='vanished'"),
        (dict(max_value=5.0), r'depth with max_value=5\.0'),
        (dict(max_value=None), 'depth with max_value=None'),
    ],
)
def test_weights_mean_what_they_were_trained_for(
    model: nn.Module, then: dict, words: str
) -> None:
    for wrapped in (model, nn.DataParallel(model)):
        with pytest.raises(UserError, match=words):
            check_meaning(wrapped, trained(**then), 'a.pth')


@pytest.mark.parametrize(
    'then', [{}, dict(low=0.0), dict(loss=dict(type='HeatMapL1Loss'))]
)
def test_what_changes_no_value_passes(model: nn.Module, then: dict) -> None:
    """Nor does a row that no head uses, nor 10 in place of 10.0."""
    check_meaning(model, trained(**then), 'a.pth')


def test_what_is_written_out_is_what_was_left_out(model: nn.Module) -> None:
    with own_table():
        register_task('roughness', kind='scalar')
        model.decode_head.outputs = read_tasks({'roughness': {}})
        row = "dict(kind='scalar', mean=0, spread=1.0, high=float('inf'))"
        text = f'new_tasks = dict(roughness={row})'
        check_meaning(model, dict(meta=dict(cfg=text)), 'a.pth')


@pytest.mark.parametrize(
    'meta',
    [
        *(None, [], 'x', {}, {'cfg': 'no config ('}, {'cfg': 'model = 3'}),
        {'cfg': "new_tasks = {'height': 3}; model = dict(decode_head=[])"},
    ],
)
def test_weights_that_do_not_say_it_pass(
    model: nn.Module, meta: object
) -> None:
    check_meaning(model, dict(meta=meta), 'a.pth')
