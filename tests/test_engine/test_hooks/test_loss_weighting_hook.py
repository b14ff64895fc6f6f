"""Weightings and aggregation in a run that stops and goes on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from mmengine.config import Config
from torch.utils.data import Dataset

from mmmtl.engine.checkpoint import read_checkpoint
from mmmtl.engine.runner import build_runner
from mmmtl.registry import DATASETS
from tests.tiny import METHODS, NYUD, random_batch


@DATASETS.register_module()
class FourRandomImages(Dataset):
    """The same four images of random values in every process."""

    def __init__(self) -> None:
        torch.manual_seed(5)
        self.batch = random_batch(NYUD, 4)

    def __len__(self) -> int:
        return 4

    def __getitem__(self, index: int) -> dict[str, Any]:
        return {key: values[index] for key, values in self.batch.items()}


WRAPPERS = {
    'plain': dict(type='OptimWrapper'),
    'UPGrad': dict(
        type='AggregationOptimWrapper', aggregator=dict(type='UPGrad')
    ),
    'GradVac': dict(
        type='AggregationOptimWrapper', aggregator=dict(type='GradVac')
    ),
}
WRAPPERS['accumulated'] = WRAPPERS['UPGrad'] | dict(accumulative_counts=4)
WEIGHTINGS = {
    'FAMO': dict(
        type='ScalarizerWeighting', scalarizer=dict(type='FAMO', lr=1.0)
    ),
    'UW': dict(type='ScalarizerWeighting', scalarizer=dict(type='UW')),
    'DWA': dict(
        type='ScalarizerWeighting', scalarizer=dict(type='DWA'), interval=2
    ),
    'GradNorm': dict(type='GradNormWeighting'),
    'uncertainty': dict(type='UncertaintyWeighting'),
}


def run(
    folder: Path, iterations: int, wrapper: str, weighting: str, **more: Any
) -> dict[str, Any]:
    """Train to this iteration; the last checkpoint."""
    config = dict(
        default_scope='mmmtl',
        work_dir=str(folder),
        model=METHODS['DeMT']() | dict(loss_weighting=WEIGHTINGS[weighting]),
        train_dataloader=dict(
            batch_size=2,
            num_workers=0,
            collate_fn=dict(type='pseudo_collate'),
            dataset=dict(type='FourRandomImages'),
            sampler=dict(type='InfiniteSampler', shuffle=True),
        ),
        train_cfg=dict(type='IterBasedTrainLoop', max_iters=iterations),
        optim_wrapper=dict(
            optimizer=dict(type='SGD', lr=0.01, momentum=0.9),
            **WRAPPERS[wrapper],
        ),
        default_hooks=dict(
            checkpoint=dict(type='CheckpointHook', by_epoch=False, interval=2)
        ),
        randomness=dict(seed=0),
        **more,
    )
    build_runner(Config(config)).train()
    return read_checkpoint(folder / f'iter_{iterations}.pth')


@pytest.mark.parametrize(
    ('wrapper', 'weighting'),
    [
        ('plain', 'FAMO'),
        ('plain', 'UW'),
        ('plain', 'DWA'),
        ('plain', 'GradNorm'),
        ('UPGrad', 'uncertainty'),
        ('GradVac', 'FAMO'),
        ('accumulated', 'FAMO'),
    ],
)
def test_a_resumed_run_ends_where_a_whole_one_does(
    tmp_path: Path, wrapper: str, weighting: str
) -> None:
    whole = run(tmp_path / 'whole', 8, wrapper, weighting)
    middle = tmp_path / 'whole' / 'iter_6.pth'
    start = read_checkpoint(middle)
    found = run(
        tmp_path / 'second',
        8,
        wrapper,
        weighting,
        resume=True,
        load_from=str(middle),
    )
    assert set(found['state_dict']) == set(whole['state_dict'])
    for name, value in whole['state_dict'].items():
        torch.testing.assert_close(
            found['state_dict'][name], value, rtol=0, atol=0, msg=name
        )
    moved = 'decode_head.outputs'
    assert any(
        not torch.equal(value, start['state_dict'][name])
        for name, value in whole['state_dict'].items()
        if not name.startswith(moved)
    )


def test_the_weighting_learns_in_a_run(tmp_path: Path) -> None:
    end = run(tmp_path, 4, 'plain', 'GradNorm')
    weights = end['state_dict']['loss_weighting.weights']
    assert weights.sum().item() == pytest.approx(4)
    assert weights.std() > 0.01
    end = run(tmp_path / 'famo', 4, 'plain', 'FAMO')
    assert end['loss_weighting']['own']['_w'].std() > 0.01
