"""Which numbers of a config change when gradients are accumulated."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.optim import OptimWrapper
from mmengine.registry import PARAM_SCHEDULERS

from mmmtl.engine.total_batch import apply_total_batch, batch_notes
from mmmtl.errors import UserError


@pytest.fixture
def config(repo_root: Path) -> Config:
    path = repo_root / 'configs/_base_/schedules/schedule_40k.py'
    config = Config.fromfile(path)
    config.train_dataloader = dict(batch_size=1)
    return config


def test_numbers_of_the_40k_schedule_on_one_process(config: Config) -> None:
    assert apply_total_batch(config, 8, 1) == 8
    assert config.optim_wrapper.accumulative_counts == 8
    assert config.train_cfg.max_iters == 320_000
    assert config.train_cfg.val_interval == 32_000
    assert config.default_hooks.checkpoint.interval == 32_000
    assert config.default_hooks.logger.interval == 400
    # The scheduler moves per optimizer step: its numbers stay.
    assert config.param_scheduler[0].end == 40_001
    hook = config.default_hooks.param_scheduler.type
    assert hook == 'OptimizerStepSchedulerHook'


def test_published_layout_is_left_alone(config: Config) -> None:
    before = config.to_dict()
    assert apply_total_batch(config, 8, 8) == 1
    assert config.to_dict() == before


def test_scheduler_without_an_end_ends_with_the_optimizer_steps(
    config: Config,
) -> None:
    del config.param_scheduler[0]['end']
    apply_total_batch(config, 8, 2)
    assert config.param_scheduler[0].end == 40_000


@pytest.mark.parametrize(
    ('change', 'words'),
    [
        (dict(train_cfg=dict(type='EpochBasedTrainLoop')), 'IterBased'),
        (dict(optim_wrapper=dict(accumulative_counts=2)), 'accumulates'),
        (dict(auto_scale_lr=dict(enable=True)), 'auto_scale_lr'),
        (dict(param_scheduler=[dict(type='PolyLR')]), 'by_epoch=False'),
    ],
)
def test_what_cannot_be_accumulated_is_refused(
    config: Config, change: dict, words: str
) -> None:
    config.merge_from_dict(change)
    with pytest.raises(UserError, match=words):
        apply_total_batch(config, 8, 1)


def test_notes_name_both_batches(config: Config) -> None:
    (note,) = batch_notes(config, 2)
    assert '2 sample(s)' in note
    assert '--total-batch 8' in note
    assert batch_notes(config, 8) == []
    apply_total_batch(config, 8, 2)
    (note,) = batch_notes(config, 2)
    assert note.startswith('total batch 8: 4 forward passes')


def test_learning_rates_of_the_40k_schedule(config: Config) -> None:
    """lr(s) = 1e-3 * (1 - s / 40000) ** 0.9, never zero within the run."""
    weight = torch.nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([weight], lr=config.optim_wrapper.optimizer.lr)
    scheduler = PARAM_SCHEDULERS.build(
        config.param_scheduler[0],
        default_args=dict(optimizer=OptimWrapper(optimizer)),
    )
    rates = []
    for _ in range(40_000):
        rates.append(optimizer.param_groups[0]['lr'])
        optimizer.step()
        scheduler.step()
    for step in (0, 1, 10_000, 20_000, 39_999):
        expected = 1e-3 * (1 - step / 40_000) ** 0.9
        assert rates[step] == pytest.approx(expected, rel=1e-6)
