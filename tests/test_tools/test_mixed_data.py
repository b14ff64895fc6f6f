"""Joint training on data sets with labels of different tasks."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from mmengine.registry import DefaultScope

from mmmtl.engine.config import load_config
from mmmtl.registry import DATASETS, SCOPE
from tests.test_datasets.nyud_folder import write_nyud

CONFIG = 'configs/baselines/fcn-multi_swin-t_rooms-mixed.py'
PLACE = '{}_dataloader.dataset.datasets.{}'
NAMES = ('rooms', 'geometry')


def test_each_sample_has_the_tasks_of_its_set(
    repo_root: Path, tmp_path: Path
) -> None:
    options = {
        f'{PLACE.format("train", name)}.data_root': str(
            write_nyud(tmp_path / name)
        )
        for name in NAMES
    }
    config = load_config(repo_root / CONFIG, options)
    dataset = config.train_dataloader.dataset
    for part in dataset.datasets.values():
        # 41 stored values: the classes of the folder are NYUDv2's.
        part.pop('metainfo')
        part.serialize_data = False
    with DefaultScope.overwrite_default_scope(SCOPE):
        mixed = DATASETS.build(dataset)
    found = [
        {t for t in config.tasks if mixed[i]['data_samples'].has_gt(t)}
        for i in range(len(mixed))
    ]
    names = [mixed[i]['data_samples'].data_set for i in range(len(mixed))]
    assert names == ['rooms'] * 2 + ['geometry'] * 2
    assert found == [{'semseg', 'edge'}] * 2 + [{'depth', 'normals'}] * 2


@pytest.mark.slow
def test_trains_and_measures_every_task(
    run_tool: Callable, repo_root: Path, tmp_path: Path
) -> None:
    roots = {name: tmp_path / name for name in NAMES}
    for seed, root in enumerate(roots.values()):
        command = [
            *(sys.executable, 'tools/dataset_converters/rooms.py', str(root)),
            *('--layout', 'nyud', '--num-train', '2', '--num-val', '1'),
            *('--size', '64', '80', '--seed', str(seed)),
        ]
        subprocess.run(command, cwd=repo_root, check=True, capture_output=True)
    splits = ('train', 'val', 'test')
    options = [
        *(
            f'{PLACE.format(split, name)}.data_root={root}'
            for split in splits
            for name, root in roots.items()
        ),
        *(f'{s}_dataloader.num_workers=0' for s in splits),
        *(f'{s}_dataloader.persistent_workers=False' for s in splits),
        'model.backbone.depths=[1,1,1,1]',
    ]
    result = run_tool(
        'train.py',
        *(repo_root / CONFIG, '--work-dir', tmp_path / 'work'),
        *('--cfg-options', *options),
        # One sample a step would have labels of two tasks only; two shuffled
        # ones are of one set or of both.
        'train_dataloader.batch_size=2',
        'train_dataloader.dataset.loss_weights.geometry=0.5',
        *(
            f'{PLACE.format("train", name)}.pipeline.3.crop_size=(32,48)'
            for name in NAMES
        ),
        'train_cfg.max_iters=3',
        'train_cfg.val_interval=3',
        'default_hooks.logger.interval=1',
        'default_hooks.checkpoint.save_best=geometry/depth/rmse',
        'default_hooks.checkpoint.rule=less',
    )
    assert result.code == 0, result.err[-2000:]
    for name in 'semseg/mIoU', 'depth/rmse', 'normals/mean_err':
        assert f' {name}: ' in result.out
        assert f' rooms/{name}: ' in result.out
        assert f' geometry/{name}: ' in result.out
    for loss in ('semseg.loss_ce', 'depth.loss_l1', 'normals.loss_l1'):
        assert result.out.count(f'{loss}: ') == 3
    (best,) = (tmp_path / 'work').glob('best_geometry_depth_rmse_iter_3.pth')
    result = run_tool(
        'test.py',
        *(repo_root / CONFIG, best, '--work-dir', tmp_path / 'test'),
        *('--tta', '--out', tmp_path / 'out.json'),
        *('--cfg-options', *options),
        # Boundaries of a model that has learned nothing.
        'test_evaluator.metrics.4.thresholds=1',
    )
    assert result.code == 0, result.err[-2000:]
    metrics = json.loads((tmp_path / 'out.json').read_text())['metrics']
    whole, *parts = (
        metrics[f'{name}depth/rmse'] for name in ('', 'rooms/', 'geometry/')
    )
    assert min(parts) < whole < max(parts)
