"""The best model is looked for in the last epochs only."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest
import torch
from mmengine.evaluator import BaseMetric, Evaluator
from mmengine.model import BaseModel
from mmengine.runner import Runner
from torch import Tensor

from mmmtl.engine.hooks import LastEpochsCheckpointHook


class Line(BaseModel):
    """One number that is fitted to nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.slope = torch.nn.Parameter(torch.ones(()))

    def forward(self, inputs: Any, mode: str) -> dict | list:
        return dict(loss=self.slope**2) if mode == 'loss' else [{}]


class Recorded(BaseMetric):
    """Gives the score of each validation from a list."""

    def __init__(self, scores: list[float]) -> None:
        super().__init__(prefix=None)
        self.scores = iter(scores)

    def process(self, data_batch: Any, data_samples: list) -> None:
        self.results.append(0)

    def compute_metrics(self, results: list) -> dict[str, float]:
        return {'delta_m': next(self.scores), 'depth/rmse': 1.0}


class WithSingleTask(Evaluator):
    """Has the results that delta_m is relative to, or has not."""

    single_task: dict | None = None


def make_runner(
    folder: Path,
    scores: list[float],
    *,
    single_task: dict | None,
    train_cfg: dict | None = None,
    **hook: Any,
) -> Runner:
    evaluator = WithSingleTask(Recorded(scores))
    evaluator.single_task = single_task
    data = dict(
        dataset=[dict(inputs=torch.zeros(1)) for _ in range(2)],
        batch_size=1,
        sampler=dict(type='DefaultSampler', shuffle=False),
    )
    return Runner(
        Line(),
        str(folder),
        train_dataloader=data,
        train_cfg=train_cfg
        or dict(type='EpochBasedTrainLoop', max_epochs=6, val_interval=1),
        optim_wrapper=dict(optimizer=dict(type='SGD', lr=0.1)),
        val_dataloader=data,
        val_evaluator=evaluator,
        val_cfg=dict(),
        default_hooks=dict(
            checkpoint=dict(type='LastEpochsCheckpointHook', **hook)
        ),
        default_scope='mmmtl',
        experiment_name=folder.name,
        log_level=logging.INFO,
    )


def checkpoints(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob('*.pth'))


def slope(path: Path) -> Tensor:
    return torch.load(path, weights_only=False)['state_dict']['slope']


def test_the_best_of_the_last_three_epochs(tmp_path: Path) -> None:
    """Epochs 1 and 3 are better, but only 4, 5 and 6 take part."""
    runner = make_runner(
        tmp_path,
        [9.0, 1.0, 8.0, -2.0, 3.0, 2.0],
        single_task=dict(depth=1.0),
        last_epochs=3,
        interval=3,
        max_keep_ckpts=1,
    )
    runner.train()
    assert checkpoints(tmp_path) == [
        'best_delta_m_epoch_5.pth',
        'epoch_6.pth',
    ]
    # Each step multiplies the slope by 1 - 2 * 0.1, and there are 2 an epoch.
    best = slope(tmp_path / 'best_delta_m_epoch_5.pth')
    torch.testing.assert_close(best, torch.tensor(0.8**10))


def test_less_is_better_if_asked_for(tmp_path: Path) -> None:
    runner = make_runner(
        tmp_path,
        [0.0, 5.0, 4.0, 3.0, 1.0, 2.0],
        single_task=dict(depth=1.0),
        last_epochs=4,
        rule='less',
        interval=6,
    )
    runner.train()
    assert checkpoints(tmp_path) == [
        'best_delta_m_epoch_5.pth',
        'epoch_6.pth',
    ]


def test_without_single_task_results_it_says_so(tmp_path: Path) -> None:
    runner = make_runner(
        tmp_path, [1.0] * 6, single_task=None, interval=2, max_keep_ckpts=1
    )
    runner.train()
    assert checkpoints(tmp_path) == ['epoch_6.pth']
    (log,) = tmp_path.rglob('*.log')
    assert 'give val_evaluator.single_task' in log.read_text()


def test_an_unknown_metric_is_refused_at_the_first_validation(
    tmp_path: Path,
) -> None:
    runner = make_runner(
        tmp_path,
        [1.0] * 6,
        single_task=None,
        metric='depth/mrse',
        last_epochs=1,
    )
    with pytest.raises(ValueError, match=r"'depth/mrse'.*'depth/rmse'"):
        runner.train()
    assert runner.epoch == 1


def test_iterations_are_refused(tmp_path: Path) -> None:
    runner = make_runner(
        tmp_path,
        [1.0],
        single_task=None,
        train_cfg=dict(type='IterBasedTrainLoop', max_iters=1),
    )
    with pytest.raises(ValueError, match='found IterBasedTrainLoop'):
        runner.train()


def test_no_epoch_to_select_from_is_refused() -> None:
    with pytest.raises(ValueError, match='last_epochs=0'):
        LastEpochsCheckpointHook(last_epochs=0)
