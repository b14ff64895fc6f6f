"""FCN on rooms in Taskonomy's layout: two steps, six tasks, all metrics."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from mmmtl.datasets.room_layouts import order_rooms
from mmmtl.rooms.produce import produce

pytestmark = pytest.mark.slow

METRICS = {
    'semseg/mIoU',
    'depth/rmse',
    'normals/mean_err',
    'reshading/mae',
    'keypoints2d/mae',
    'edges2d/mae',
}


@pytest.fixture(scope='module')
def rooms(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight training and three validation images."""
    out = tmp_path_factory.mktemp('data') / 'rooms'
    produce(order_rooms('taskonomy', 8, 3, height=64, width=80, seed=0), out)
    return out


def options(data: Path) -> list[str]:
    """A small Swin, read in this process and by a worker."""
    splits = ('train', 'val', 'test')
    return [
        '--cfg-options',
        *(f'{s}_dataloader.dataset.data_root={data}' for s in splits),
        'model.backbone.depths=[1,1,1,1]',
        'model.decode_head.channels=32',
        'train_dataloader.batch_size=2',
        'train_dataloader.num_workers=1',
        *(f'{s}_dataloader.num_workers=0' for s in ('val', 'test')),
        *(f'{s}_dataloader.persistent_workers=False' for s in ('val', 'test')),
        'train_cfg.max_iters=2',
        'default_hooks.logger.interval=1',
    ]


def test_train_and_test(
    run_tool: Callable, repo_root: Path, rooms: Path, tmp_path: Path
) -> None:
    path = repo_root / 'configs/baselines/fcn-multi_swin-t_rooms-taskonomy.py'
    at = ('--work-dir', tmp_path)
    before = sorted(rooms.rglob('*'))
    result = run_tool('train.py', path, *at, *options(rooms))
    assert result.code == 0, result.err
    for name in METRICS:
        assert f'{name}: ' in result.out
    out = tmp_path / 'metrics.json'
    result = run_tool(
        'test.py',
        path,
        tmp_path / 'iter_2.pth',
        *(*at, '--out', out),
        *options(rooms),
    )
    assert result.code == 0, result.err
    text = json.dumps(json.loads(out.read_text()))
    assert all(name in text for name in METRICS)
    assert sorted(rooms.rglob('*')) == before  # nothing beside the data
