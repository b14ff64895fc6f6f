"""The train tool on a toy model: steps, resuming, total batch."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from mmengine.config import Config

from mmmtl.engine.checkpoint import read_checkpoint
from mmmtl.engine.prepare import set_amp
from mmmtl.engine.work_dir import alone_in
from mmmtl.errors import UserError


def scalars(work_dir: Path, key: str) -> list[float]:
    """Return one logged value per iteration of the latest run."""
    log = sorted(work_dir.glob('*/vis_data/scalars.json'))[-1]
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    return [line[key] for line in lines if key in line]


def weights(checkpoint: Path) -> dict[str, torch.Tensor]:
    return read_checkpoint(checkpoint)['state_dict']


def test_train_writes_checkpoints_and_validates(
    run_tool: Callable, toy_config: Path, tmp_path: Path
) -> None:
    result = run_tool('train.py', toy_config, '--work-dir', tmp_path)
    assert result.code == 0
    assert (tmp_path / 'iter_2.pth').is_file()
    assert (tmp_path / 'iter_4.pth').is_file()
    # Every one of the 6 validation samples is counted once.
    assert result.out.count('toy/count: 6') == 2


def test_resumed_run_equals_uninterrupted_run(
    run_tool: Callable, toy_config: Path, tmp_path: Path
) -> None:
    whole, parts = tmp_path / 'whole', tmp_path / 'parts'
    common = ('--seed', '3')
    run_tool('train.py', toy_config, '--work-dir', whole, *common)
    run_tool('train.py', toy_config, '--work-dir', parts, *common)
    (parts / 'iter_4.pth').unlink()
    (parts / 'last_checkpoint').write_text(str(parts / 'iter_2.pth'))
    result = run_tool(
        'train.py', toy_config, '--work-dir', parts, *common, '--resume'
    )
    assert result.code == 0
    assert 'resumed epoch: 0, iter: 2' in result.out
    assert '[1/4]' not in result.out.split('resumed epoch')[1]
    expected = weights(whole / 'iter_4.pth')
    for name, value in weights(parts / 'iter_4.pth').items():
        # Same data, momentum and learning rate: the same bits.
        torch.testing.assert_close(value, expected[name], rtol=0, atol=0)


def test_resume_with_another_recipe_is_refused_unless_asked_for(
    run_tool: Callable, toy_config: Path, tmp_path: Path
) -> None:
    run_tool('train.py', toy_config, '--work-dir', tmp_path)
    resume = ('--work-dir', tmp_path, '--resume', tmp_path / 'iter_2.pth')
    options = ('--cfg-options', 'optim_wrapper.optimizer.lr=0.5')
    result = run_tool('train.py', toy_config, *resume, *options)
    assert result.code == 2
    assert 'optim_wrapper.optimizer.lr (0.1 -> 0.5)' in result.err
    assert 'add --resume-changed' in result.err
    resume += ('--resume-changed',)
    result = run_tool('train.py', toy_config, *resume, *options)
    assert result.code == 0
    assert 'resuming with optim_wrapper.optimizer.lr' in result.out
    # Of four steps from 0.1 down to zero this is the third. Runs that start
    # in the same second share a log.
    assert scalars(tmp_path, 'lr')[-2] == pytest.approx(0.1 * 0.5**0.9)


def test_resume_of_an_empty_folder_starts_anew(
    run_tool: Callable, toy_config: Path, tmp_path: Path
) -> None:
    result = run_tool(
        'train.py', toy_config, '--work-dir', tmp_path, '--resume'
    )
    assert result.code == 0
    assert 'nothing to resume' in result.out
    assert (tmp_path / 'iter_4.pth').is_file()


def test_a_folder_that_cannot_be_written_is_told_in_one_line(
    run_tool: Callable, toy_config: Path, tmp_path: Path
) -> None:
    """A file in its place, because root may write everywhere."""
    (tmp_path / 'file').touch()
    work_dir = tmp_path / 'file' / 'run'
    result = run_tool('train.py', toy_config, '--work-dir', work_dir)
    assert result.code == 2
    assert result.err == f'error: Not a directory: {work_dir}\n'


def test_a_second_training_in_a_folder_leaves_it_alone(
    run_tool: Callable, toy_config: Path, tmp_path: Path
) -> None:
    with alone_in(tmp_path):
        before = sorted(tmp_path.iterdir())
        result = run_tool('train.py', toy_config, '--work-dir', tmp_path)
        assert sorted(tmp_path.iterdir()) == before
    assert result.code == 2
    assert f'is in use: process {os.getpid()} on' in result.err


def test_total_batch_keeps_the_schedule_of_optimizer_steps(
    run_tool: Callable, toy_config: Path, tmp_path: Path
) -> None:
    """Step s of S sees lr * (1 - s / S) ** 0.9, however it is put together."""
    result = run_tool(
        'train.py', toy_config, '--work-dir', tmp_path, '--total-batch', '6'
    )
    assert result.code == 0
    # 6 samples = 3 forward passes of 2; 4 steps = 12 forward passes. The
    # logger's and the checkpoint's intervals stretch with them.
    assert (tmp_path / 'iter_12.pth').is_file()
    assert (tmp_path / 'iter_6.pth').is_file()
    assert not (tmp_path / 'iter_2.pth').exists()
    assert re.findall(r'Iter\(train\) \[ *(\d+)/12\]', result.out) == [
        '3',
        '6',
        '9',
        '12',
    ]
    expected = [0.1 * (1 - step / 4) ** 0.9 for step in range(4)]
    assert scalars(tmp_path, 'lr') == pytest.approx(expected)


def test_accumulated_step_equals_one_step_of_the_whole_batch(
    run_tool: Callable, toy_config: Path, tmp_path: Path
) -> None:
    """Without batch statistics, 3 x 2 samples give the gradient of 6."""
    plain = (
        '--seed=0',
        '--cfg-options',
        'model.backbone.norm_cfg.type=GN',
        'model.backbone.norm_cfg.num_groups=1',
        'train_dataloader.sampler.shuffle=False',
        'train_cfg.max_iters=2',
    )
    one, three = tmp_path / 'one', tmp_path / 'three'
    first = run_tool(
        'train.py',
        toy_config,
        f'--work-dir={one}',
        *plain,
        'train_dataloader.batch_size=6',
    )
    second = run_tool(
        'train.py',
        toy_config,
        f'--work-dir={three}',
        '--total-batch=6',
        *plain,
    )
    assert (first.code, second.code) == (0, 0)
    expected = weights(one / 'iter_2.pth')
    for name, value in weights(three / 'iter_6.pth').items():
        torch.testing.assert_close(value, expected[name])


def test_total_batch_that_does_not_divide_names_the_numbers(
    run_tool: Callable, toy_config: Path, tmp_path: Path
) -> None:
    result = run_tool(
        'train.py', toy_config, '--work-dir', tmp_path, '--total-batch', '7'
    )
    assert result.code == 2
    assert '--total-batch 7' in result.err
    assert '1 process(es) x 2 sample(s)' in result.err


def test_run_with_another_batch_than_the_recipe_says_so(
    run_tool: Callable, toy_config: Path, tmp_path: Path
) -> None:
    result = run_tool('train.py', toy_config, '--work-dir', tmp_path)
    assert 'set train_dataloader.batch_size so that all' in result.out
    assert 'pass --total-batch 8' in result.out


def test_resume_with_another_accumulation_is_refused(
    run_tool: Callable, toy_config: Path, tmp_path: Path
) -> None:
    run_tool(
        'train.py', toy_config, '--work-dir', tmp_path, '--total-batch', '4'
    )
    result = run_tool(
        'train.py', toy_config, '--work-dir', tmp_path, '--resume'
    )
    assert result.code == 2
    assert 'optim_wrapper.accumulative_counts (2 -> nothing)' in result.err


@pytest.mark.skipif(torch.cuda.is_available(), reason='a CUDA device is here')
def test_amp_without_a_gpu_is_bfloat16(
    run_tool: Callable, toy_config: Path, tmp_path: Path
) -> None:
    result = run_tool('train.py', toy_config, '--amp', '--work-dir', tmp_path)
    assert result.code == 0, result.err
    written = Config.fromfile(tmp_path / 'toy.py')
    assert written.optim_wrapper.type == 'AutocastOptimWrapper'
    assert (tmp_path / 'iter_4.pth').is_file()


def test_amp_of_an_aggregation(toy_config: Path) -> None:
    config = Config.fromfile(toy_config)
    config.optim_wrapper.type = 'AggregationOptimWrapper'
    set_amp(config)
    lower = 'float16' if torch.cuda.is_available() else 'bfloat16'
    assert config.optim_wrapper.precision == lower
    config.optim_wrapper.type = 'MyOptimWrapper'
    with pytest.raises(UserError, match='set mixed precision there'):
        set_amp(config)


def test_diverging_run_ends(
    run_tool: Callable, toy_config: Path, tmp_path: Path
) -> None:
    options = (
        'optim_wrapper.optimizer.lr=1e30',
        'default_hooks.checkpoint.interval=1',
        'default_hooks.divergence.max_skipped=1',
        'train_cfg.max_iters=50',
    )
    result = run_tool(
        'train.py',
        toy_config,
        f'--work-dir={tmp_path}',
        '--cfg-options',
        *options,
    )
    assert result.code == 2
    line = result.err.splitlines()[-1]
    # The toy's loss gives a gradient of 0 where it is NaN.
    found = re.match(
        r'error: iteration (\d+): loss = nan, gradients are finite, so the '
        r'step was taken; stopped, .* rate \(',
        line,
    )
    assert found, line
    bad = int(found[1])
    assert bad <= 4
    assert not (tmp_path / f'iter_{bad}.pth').exists()
    for path in tmp_path.glob('*.pth'):
        state = weights(path)
        assert all(value.isfinite().all() for value in state.values()), path


def test_divergence_hook_is_set_by_options(
    run_tool: Callable, toy_config: Path, tmp_path: Path
) -> None:
    """The configs do not name it."""
    common = (
        'train.py',
        toy_config,
        f'--work-dir={tmp_path}',
        '--cfg-options',
        'optim_wrapper.optimizer.lr=1e30',
    )
    off = run_tool(*common, 'default_hooks.divergence=None')
    assert off.code == 0
    assert 'loss: nan' in off.out
    wrong = run_tool(*common, 'default_hooks.divergence.max_skiped=1')
    assert wrong.code == 2
    assert 'max_skiped' in wrong.err


def test_an_epoch_over_an_endless_sampler_is_refused(
    run_tool: Callable, toy_config: Path, tmp_path: Path
) -> None:
    config = Config.fromfile(toy_config)
    config.train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=1)
    config.param_scheduler = None
    config.default_hooks.checkpoint.by_epoch = True
    config.dump(tmp_path / 'endless.py')
    result = run_tool(
        'train.py', tmp_path / 'endless.py', '--work-dir', tmp_path / 'work'
    )
    assert result.code == 2
    assert 'never ends' in result.err
