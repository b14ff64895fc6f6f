"""DeMT on a handful of rendered rooms: train, resume, evaluate, refuse."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from mmmtl.engine.checkpoint import read_checkpoint
from tests.test_tools.test_dist_scripts import run_script

pytestmark = pytest.mark.slow

CONFIG = 'configs/demt/demt_swin-t_rooms.py'
METRICS = ('semseg/mIoU', 'depth/rmse', 'normals/mean_err', 'edge/pixelF')


@pytest.fixture(scope='module')
def rooms(repo_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight training and two validation images in NYUDv2's layout."""
    out = tmp_path_factory.mktemp('data') / 'rooms'
    subprocess.run(
        [
            sys.executable,
            'tools/dataset_converters/rooms.py',
            str(out),
            *('--layout', 'nyud', '--num-train', '8', '--num-val', '2'),
            *('--size', '64', '80', '--seed', '0'),
        ],
        cwd=repo_root,
        check=True,
        capture_output=True,
    )
    return out


def options(data: Path, *more: str) -> list[str]:
    """A small Swin on small crops, read in this process and by a worker."""
    splits = ('train', 'val', 'test')
    return [
        '--cfg-options',
        *(f'{s}_dataloader.dataset.data_root={data}' for s in splits),
        'model.backbone.depths=[1,1,1,1]',
        'model.neck.channels=32',
        'model.decode_head.channels=32',
        'train_dataloader.batch_size=2',
        'train_dataloader.num_workers=1',
        *(f'{s}_dataloader.num_workers=0' for s in ('val', 'test')),
        *(f'{s}_dataloader.persistent_workers=False' for s in ('val', 'test')),
        'train_dataloader.dataset.pipeline.3.crop_size=(32,48)',
        'train_cfg.max_iters=2',
        'default_hooks.logger.interval=1',
        *more,
    ]


def test_train_resume_test(
    run_tool: Callable, repo_root: Path, rooms: Path, tmp_path: Path
) -> None:
    config = repo_root / CONFIG
    result = run_tool(
        'train.py', config, '--work-dir', tmp_path, *options(rooms)
    )
    assert result.code == 0
    for name in METRICS:
        assert f'{name}: ' in result.out
    assert read_checkpoint(tmp_path / 'iter_2.pth')['meta']['iter'] == 2

    result = run_tool(
        'train.py',
        config,
        '--work-dir',
        tmp_path,
        '--resume',
        *options(rooms, 'train_cfg.max_iters=3'),
    )
    assert result.code == 0
    assert 'Iter(train) [3/3]' in result.out
    assert 'Iter(train) [2/3]' not in result.out

    for more in ((), ('--tta',)):
        out, show = tmp_path / 'metrics.json', tmp_path / f'show{len(more)}'
        result = run_tool(
            'test.py',
            config,
            tmp_path / 'iter_3.pth',
            *('--work-dir', tmp_path, '--out', out, '--show-dir', show),
            *more,
            *options(rooms),
        )
        assert result.code == 0
        results = json.loads(out.read_text())
        assert all(results['metrics'][name] is not None for name in METRICS)
        classes = results['per_class']['semseg']
        assert len(classes) == 15
        found = [value or 0 for value in classes.values()]
        assert sum(found) / 15 == pytest.approx(
            results['metrics']['semseg/mIoU']
        )
        assert len(list(show.rglob('*.png'))) == 2


def test_two_accumulated_passes_of_demt(
    run_tool: Callable, repo_root: Path, rooms: Path, tmp_path: Path
) -> None:
    result = run_tool(
        'train.py',
        repo_root / CONFIG,
        *('--work-dir', tmp_path, '--total-batch', '4'),
        *options(rooms),
    )
    assert result.code == 0
    assert 'Iter(train) [4/4]' in result.out
    assert 'Iter(train) [1/4]' not in result.out


def test_truncated_label_is_named_and_nothing_is_saved(
    run_tool: Callable, repo_root: Path, rooms: Path, tmp_path: Path
) -> None:
    data, work_dir = tmp_path / 'data', tmp_path / 'work'
    shutil.copytree(rooms, data)
    for path in (data / 'depth').iterdir():
        path.write_bytes(path.read_bytes()[:200])
    result = run_tool(
        'train.py', repo_root / CONFIG, '--work-dir', work_dir, *options(data)
    )
    assert result.code == 2
    last = result.err.strip().splitlines()[-1]
    assert last.startswith('error: ')
    assert f'{data}/depth/' in last
    assert not list(work_dir.glob('*.pth'))


@pytest.mark.parametrize(
    ('option', 'words'),
    [
        (
            'model.decode_head.tasks.depth.loss.type=DepthL2Loss',
            ['config: model.decode_head.tasks.depth.loss (DepthL2Loss)'],
        ),
        (
            'model.decode_head.chan_nels=64',
            ['config: model.decode_head (TaskQueryHead)', "'chan_nels'"],
        ),
        ('train_dataloader.dataset.tasks=[semseg,dept]', ["'depth'"]),
        ('data_root=elsewhere', ['train_dataloader.dataset.data_root']),
    ],
)
def test_mistake_in_the_config_is_one_line(
    option: str,
    words: list[str],
    run_tool: Callable,
    repo_root: Path,
    rooms: Path,
    tmp_path: Path,
) -> None:
    result = run_tool(
        'train.py',
        repo_root / CONFIG,
        *('--work-dir', tmp_path),
        *options(rooms, option),
    )
    assert result.code == 2
    last = result.err.strip().splitlines()[-1]
    assert last.startswith('error: ')
    for word in words:
        assert word in last


def test_published_config_names_its_weights_and_the_option(
    run_tool: Callable,
    repo_root: Path,
    rooms: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv('TORCH_HOME', str(tmp_path / 'cache'))
    result = run_tool(
        'train.py',
        repo_root / 'configs/demt/demt_swin-t_nyud.py',
        *('--work-dir', tmp_path / 'work'),
    )
    assert result.code == 2
    assert 'https://download.openmmlab.com/' in result.err
    assert '--cfg-options model.backbone.init_cfg=None' in result.err
    assert not (tmp_path / 'work').exists()


def test_two_processes_train_demt(
    repo_root: Path, rooms: Path, tmp_path: Path
) -> None:
    """Both ranks reach the end with every parameter's gradient reduced."""
    done = run_script(
        repo_root,
        'dist_train.sh',
        repo_root / CONFIG,
        2,
        f'--work-dir={tmp_path}',
        *options(rooms),
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert 'SyncBN needs an accelerator: replaced by BN' in done.stdout
    for name in METRICS:
        assert f'{name}: ' in done.stdout
    assert read_checkpoint(tmp_path / 'iter_2.pth')['meta']['iter'] == 2
