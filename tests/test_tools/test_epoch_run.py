"""The recipe that counts epochs, on a few rendered rooms and a tiny model."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from mmmtl.datasets.room_layouts import order_rooms
from mmmtl.engine.checkpoint import read_checkpoint
from mmmtl.rooms.produce import produce
from tests.tiny import demt

pytestmark = pytest.mark.slow

TASKS = ['semseg', 'depth']


@pytest.fixture
def config(repo_root: Path, tmp_path: Path) -> Path:
    """SCA-MTL's data and schedule, 3 epochs of 2 steps, without its model."""
    order = order_rooms(
        layout='nyud', num_train=5, num_val=2, height=30, width=40, seed=0
    )
    produce(order, tmp_path / 'rooms')
    base = repo_root / 'configs/_base_'
    model = demt(TASKS)
    model['decode_head']['tasks']['semseg']['out_channels'] = 40
    loader = {
        'num_workers': 0,
        'persistent_workers': False,
        'dataset': {'data_root': str(tmp_path / 'rooms')},
    }
    schedule = {'max_epochs': 3, 'dynamic_intervals': [(2, 1)]}
    text = f"""
_base_ = [
    '{base}/datasets/nyud-sca.py',
    '{base}/schedules/schedule_100e.py',
    '{base}/default_runtime.py',
]
model = {model}
train_dataloader = {dict(loader, batch_size=2)}
val_dataloader = {loader}
test_dataloader = {loader}
train_cfg = {schedule}
param_scheduler = [
    dict(type='PolyLR', power=0.9, eta_min=0, begin=0, end=4, by_epoch=True)
]
log_processor = dict(by_epoch=True)
default_hooks = dict(
    logger=dict(interval=1), checkpoint=dict(last_epochs=2)
)
"""
    path = tmp_path / 'config.py'
    path.write_text(text)
    return path


def records(folder: Path) -> list[dict]:
    (path,) = folder.glob('*/vis_data/scalars.json')
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_epochs_rates_and_the_best_model(
    run_tool: Callable, config: Path, tmp_path: Path
) -> None:
    out = tmp_path / 'run'
    result = run_tool(
        'train.py',
        config,
        '--work-dir',
        out,
        '--cfg-options',
        'val_evaluator.single_task.semseg=10.0',
        'val_evaluator.single_task.depth=2.0',
    )
    assert result.code == 0, result.err
    steps = [record for record in records(out) if 'loss' in record]
    # 5 images in batches of 2, the incomplete one dropped.
    assert [record['epoch'] for record in steps] == [1, 1, 2, 2, 3, 3]
    rates = [1e-4 * (1 - epoch / 3) ** 0.9 for epoch in (0, 0, 1, 1, 2, 2)]
    assert [record['lr'] for record in steps] == pytest.approx(rates)
    scores = [r['delta_m'] for r in records(out) if 'delta_m' in r]
    assert len(scores) >= 2
    best = 2 + scores[-2:].index(max(scores[-2:]))
    found = sorted(path.name for path in out.glob('best_*.pth'))
    assert found == [f'best_delta_m_epoch_{best}.pth']
    assert read_checkpoint(out / found[0])['meta']['epoch'] == best
    result = run_tool('test.py', config, out / found[0], '--work-dir', out)
    assert result.code == 0, result.err
    assert 'depth/rmse' in result.out


def test_without_single_task_results_the_last_epoch_is_kept(
    run_tool: Callable, config: Path, tmp_path: Path
) -> None:
    out = tmp_path / 'run'
    result = run_tool('train.py', config, '--work-dir', out)
    assert result.code == 0, result.err
    assert 'give val_evaluator.single_task' in result.out + result.err
    assert [path.name for path in out.glob('*.pth')] == ['epoch_3.pth']
