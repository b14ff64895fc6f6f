"""A resumed run is the run that was never stopped, bit for bit."""

from __future__ import annotations

import random
import re
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from mmengine.config import Config

from mmmtl.engine.checkpoint import read_checkpoint
from tests.resume_trial import (
    differing,
    finish,
    random_plan,
    start,
    write_trial,
)

# Up to three runs a test, each with its own limit in `finish`.
pytestmark = pytest.mark.timeout(1300)


@pytest.fixture
def write_toy(toy_config: Path, tmp_path: Path) -> Callable[..., Path]:
    """Return ``write_toy(changes)``: a toy that draws and remembers."""

    def write(**changes: Any) -> Path:
        config = Config.fromfile(toy_config)
        config.merge_from_dict(
            {
                'model.dropout': 0.5,
                'train_dataloader.dataset.noise': 1.0,
                'train_dataloader.dataset.length': 5,
                'train_cfg.max_iters': 7,
                'default_hooks.checkpoint.interval': 1,
                'custom_hooks': [dict(type='EMAHook', momentum=0.1)],
                **changes,
            }
        )
        path = tmp_path / 'config.py'
        config.dump(path)
        return path

    return write


EPOCHS = dict(type='EpochBasedTrainLoop', max_epochs=3, val_interval=1)
SHUFFLED = {'train_dataloader.sampler.type': 'DefaultSampler'}


@pytest.mark.parametrize(
    ('changes', 'stop'),
    [
        pytest.param({}, 3, id='endless'),
        pytest.param(SHUFFLED, 4, id='passes'),
        pytest.param(
            {'optim_wrapper.accumulative_counts': 3}, 5, id='accumulated'
        ),
        pytest.param(
            {**SHUFFLED, 'train_cfg': {**EPOCHS, '_delete_': True}},
            5,
            id='middle-of-epoch',
        ),
        pytest.param(
            {**SHUFFLED, 'train_cfg': {**EPOCHS, '_delete_': True}},
            6,
            id='end-of-epoch',
        ),
    ],
)
def test_no_bit_differs(
    changes: dict,
    stop: int,
    write_toy: Callable,
    run_tool: Callable,
    tmp_path: Path,
) -> None:
    config = write_toy(**changes)
    whole, parts = tmp_path / 'whole', tmp_path / 'parts'
    # Without --seed: the checkpoint knows the one that was drawn.
    assert run_tool('train.py', config, '--work-dir', whole).code == 0
    result = run_tool(
        'train.py',
        config,
        *('--work-dir', parts, '--resume', whole / f'iter_{stop}.pth'),
        # Neither may change anything.
        *('--cfg-options', 'train_dataloader.num_workers=1'),
        'train_dataloader.persistent_workers=True',
    )
    assert result.code == 0, result.err
    assert f'iter: {stop}' in result.out
    names, count = differing(whole, parts)
    assert names == []
    assert count >= 20
    assert not (parts / f'iter_{stop}.pth').exists()


def test_validation_changes_nothing(
    write_toy: Callable, run_tool: Callable, tmp_path: Path
) -> None:
    for interval in (2, 100):
        config = write_toy(**{'train_cfg.val_interval': interval})
        folder = tmp_path / str(interval)
        run_tool('train.py', config, '--work-dir', folder, '--seed', '1')
    assert differing(tmp_path / '2', tmp_path / '100')[0] == []


def test_gradients_are_saved_within_an_accumulation_only(
    write_toy: Callable, run_tool: Callable, tmp_path: Path
) -> None:
    config = write_toy(**{'optim_wrapper.accumulative_counts': 3})
    run_tool('train.py', config, '--work-dir', tmp_path)
    for number in range(1, 8):
        state = read_checkpoint(tmp_path / f'iter_{number}.pth')['run_state']
        # The last iteration ends with a step in any case.
        assert ('gradients' in state) == (number not in (3, 6, 7))


def test_gradients_of_more_processes_are_refused(
    write_toy: Callable, run_tool: Callable, tmp_path: Path
) -> None:
    config = write_toy(**{'optim_wrapper.accumulative_counts': 3})
    run_tool('train.py', config, '--work-dir', tmp_path)
    path = tmp_path / 'iter_2.pth'
    content = read_checkpoint(path)
    content['run_state']['gradients'] *= 2
    torch.save(content, path)
    result = run_tool(
        'train.py', config, *('--work-dir', tmp_path, '--resume', path)
    )
    assert result.code == 2
    assert '2 process(es), this run has 1' in result.err


@pytest.mark.parametrize('best', [None, 'toy/error'])
def test_validation_that_is_owed_comes_before_training_goes_on(
    best: str | None, write_toy: Callable, run_tool: Callable, tmp_path: Path
) -> None:
    """Iteration 2 is saved before its validation; as the best, also after."""
    hook = 'default_hooks.checkpoint'
    config = write_toy(**{f'{hook}.save_best': best, f'{hook}.rule': 'less'})
    run_tool('train.py', config, '--work-dir', tmp_path)
    result = run_tool(
        'train.py',
        config,
        *('--work-dir', tmp_path / 'resumed'),
        *('--resume', tmp_path / 'iter_2.pth'),
    )
    before = result.out.split('Iter(train)')[0].split('resumed epoch')[1]
    assert ('toy/count: 6' in before) == (best is None)


@pytest.mark.parametrize('stop', [1, 2, 3])
@pytest.mark.parametrize('best', [None, 'toy/error'])
def test_early_stopping_goes_on_counting(
    best: str | None,
    stop: int,
    write_toy: Callable,
    run_tool: Callable,
    tmp_path: Path,
) -> None:
    """No metric is better than the first: the third validation is the last.

    Checkpoints are saved before their validation; as the best, also after.
    """
    hook = 'default_hooks.checkpoint'
    patience = dict(type='EarlyStoppingHook', monitor='toy/count', patience=2)
    config = write_toy(
        **{
            'train_cfg.val_interval': 1,
            'optim_wrapper.optimizer.lr': 1e-3,  # each a little better
            'custom_hooks': [dict(patience, rule='greater', min_delta=1)],
            f'{hook}.save_best': best,
            f'{hook}.rule': 'less',
        }
    )
    whole, parts = tmp_path / 'whole', tmp_path / 'parts'
    run_tool('train.py', config, '--work-dir', whole)
    assert (whole / 'last_checkpoint').read_text().endswith('iter_3.pth')
    start = whole / f'iter_{stop}.pth'
    assert read_checkpoint(start)['run_state']['validated'] == bool(best)
    resume = ('train.py', config, '--work-dir', parts, '--resume', start)
    result = run_tool(*resume)
    assert result.code == 0, result.err
    trained = re.findall(r'Iter\(train\) \[(\d)/7\]', result.out)
    assert trained == ['2', '3'][stop - 1 :]
    ended = 'an EarlyStoppingHook has ended this training' in result.out
    assert ended == (stop == 3 and bool(best))
    if ended:
        assert 'Iter(train) [4/7]' in run_tool(*resume, '--resume-changed').out


@pytest.mark.slow
@pytest.mark.parametrize('loop', ['iter', 'epoch'])
def test_four_kills_change_no_bit(loop: str, tmp_path: Path) -> None:
    """``python -m tests.resume_trial`` makes 20."""
    config = write_trial(
        tmp_path, loop=loop, length=12 if loop == 'iter' else 4
    )
    whole, parts = tmp_path / 'whole', tmp_path / 'parts'
    finish(start(config, whole))
    draw = random.Random(loop)
    for _ in range(4):
        finish(start(config, parts, plan=random_plan(draw)), None)
    finish(start(config, parts))
    assert differing(whole, parts)[0] == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ('plan', 'loop'),
    [
        ('iteration:5:0:INT', 'iter'),
        ('iteration:5:0:TERM', 'epoch'),
        ('validation:3:0:USR1', 'iter'),
    ],
)
def test_signal_saves_and_says_who_stopped_it(
    plan: str, loop: str, tmp_path: Path
) -> None:
    """The whole process group hears it, loader processes too."""
    length = 8 if loop == 'iter' else 3
    config = write_trial(
        tmp_path,
        loop=loop,
        length=length,
        workers=1,
        persistent=True,
        save_every=100,
    )
    whole, parts = tmp_path / 'whole', tmp_path / 'parts'
    finish(start(config, whole))
    name = plan.rpartition(':')[2]
    code = 128 + signal.Signals[f'SIG{name}']
    out = finish(start(config, parts, plan=plan), code)
    # Two batches a validation: the third is in the second, after iteration 6.
    done = 6 if 'validation' in plan else 5
    assert f'stopped by SIG{name} after iteration {done}' in out
    assert 'Traceback' not in out
    (left,) = parts.glob('iter_*.pth')
    assert left.name == f'iter_{done}.pth'
    finish(start(config, parts))
    assert differing(whole, parts)[0] == []


@pytest.mark.slow
@pytest.mark.parametrize('total', [None, 12])
def test_two_ranks_stop_together_and_go_on(
    total: int | None, tmp_path: Path
) -> None:
    """One of them hears SIGTERM; with 12 samples a step in the middle of it.

    Two ranks have 4 samples an iteration, so 3 iterations make a step.
    """
    config = write_trial(
        tmp_path, length=4, workers=1, save_every=100, watch=not total
    )
    options = ('--total-batch', str(total)) if total else ()
    whole, parts = tmp_path / 'whole', tmp_path / 'parts'
    finish(start(config, whole, *options, ranks=2))
    plan = 'iteration:2:0:TERM:1'
    out = finish(start(config, parts, *options, plan=plan, ranks=2), None)
    assert 'stopped by SIGTERM after iteration 2' in out
    (left,) = parts.glob('iter_*.pth')
    state = read_checkpoint(left)['run_state']
    assert len(state.get('gradients', [])) == (2 if total else 0)
    finish(start(config, parts, *options, ranks=2))
    assert differing(whole, parts)[0] == []


@pytest.mark.slow
def test_sharded_weights_go_on_anywhere(tmp_path: Path) -> None:
    """Two ranks with FSDP2 go on as if never stopped, or one without it.

    A step of 12 samples is 3 iterations; iteration 2 is in the middle of
    one. On one rank, without sharding, the accumulated mean is taken up.
    """
    config = Config.fromfile(
        write_trial(tmp_path, length=2, watch=False),
        import_custom_modules=False,
    )
    config.custom_hooks = config.custom_hooks[1:]  # no moving average
    plain, sharded = tmp_path / 'plain.py', tmp_path / 'sharded.py'
    config.dump(plain)
    config.model_wrapper_cfg = dict(type='FullyShardedModel')
    config.dump(sharded)
    total = ('--total-batch', '12')
    whole, parts = tmp_path / 'whole', tmp_path / 'parts'
    finish(start(sharded, whole, *total, ranks=2))
    out = finish(
        start(sharded, parts, *total, plan='iteration:2:0:TERM:1', ranks=2),
        None,
    )
    assert 'stopped by SIGTERM after iteration 2' in out
    (left,) = parts.glob('iter_*.pth')
    assert len(read_checkpoint(left)['run_state']['gradients']) == 1
    alone = tmp_path / 'alone'
    shutil.copytree(parts, alone)
    out = finish(start(sharded, parts, *total, ranks=2))
    shares = re.findall(r'process \d: (\S+) MiB of weights', out)
    assert len(shares) == 2
    assert max(map(float, shares)) < 0.6 * 0.39
    assert differing(whole, parts)[0] == []
    fewer = ('--total-batch', '6', '--resume-changed')
    out = finish(start(plain, alone, *fewer))
    assert 'restored the gradients' in out
