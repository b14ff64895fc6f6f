"""CONTRIBUTING's recipes, followed in a folder outside of the repository.

Nothing of ours is edited: a config, and modules that it names. Each recipe
is trained, resumed, tested and used for prediction.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

SIZE = (32, 48)
MODULES = Path(__file__).parent / 'data/outside_project'
PREDICT = """
import sys
from mmmtl.apis import MultiTaskInferencer
maps = MultiTaskInferencer(*sys.argv[1:3], device='cpu')(
    sys.argv[3], out_dir='pages'
)
print({task: (str(v.dtype), v.shape) for task, v in maps.items()})
"""

FOLDER = """
folder = dict(
    _delete_=True,
    type='FolderDataset',
    data_root='.',
    tasks=tasks,
    image='rgb/{}.png',
    labels=dict(
        semseg='labels/semseg/{}.npy',
        cracks='labels/cracks/{}.npy',
        materials='labels/materials/{}.npy',
        height=dict(path='labels/height/{}.npy', scale=1.0, no_label=0),
    ),
    classes=dict(
        semseg=['grass', 'stone', 'water'], materials=['wood', 'metal']
    ),
    splits=dict(train='train.txt', val='val.txt'),
)
pipeline = {{_base_.pipeline}}
train_dataloader = dict(
    dataset=dict(**folder, split='train', pipeline=pipeline)
)
val_dataloader = dict(
    dataset=dict(**folder, split='val', pipeline={{_base_.test_pipeline}})
)
test_dataloader = val_dataloader
"""
Run = Callable[..., str]

pytestmark = pytest.mark.slow


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Six pictures with labels of every task that is used here."""
    rng = np.random.default_rng(0)
    ids = [f'{i}' for i in range(6)]
    (tmp_path / 'rgb').mkdir()
    for name in ids:
        picture = rng.integers(0, 256, (*SIZE, 3), np.uint8)
        cv2.imwrite(str(tmp_path / f'rgb/{name}.png'), picture)
        grey = picture.mean(-1)
        labels = {
            'semseg': (grey // 86).astype(np.uint8),
            'materials': (grey > 128).astype(np.uint8),
            'cracks': (grey > 160).astype(np.uint8),
            'depth': (grey / 100 + 1).astype(np.float32),
            'height': (grey / 10).astype(np.float32),
            'aspect': (grey % 360).astype(np.float32),
        }
        for task, label in labels.items():
            folder = tmp_path / 'labels' / task
            folder.mkdir(parents=True, exist_ok=True)
            np.save(folder / f'{name}.npy', label)
    (tmp_path / 'train.txt').write_text('\n'.join(ids[:4]))
    (tmp_path / 'val.txt').write_text('\n'.join(ids[4:]))
    for module in MODULES.glob('*.py'):
        shutil.copy(module, tmp_path)
    return tmp_path


@pytest.fixture
def run(project: Path, repo_root: Path) -> Run:
    """Return `run(*arguments)`: Python, started in the project."""

    def run_python(*arguments: str | Path) -> str:
        result = subprocess.run(
            [sys.executable, *map(str, arguments)],
            cwd=project,
            env=os.environ | {'PYTHONPATH': f'{project}:{repo_root}'},
            capture_output=True,
            text=True,
        )
        assert result.returncode == 0, result.stderr[-3000:]
        return result.stdout

    return run_python


def write_config(
    project: Path, repo_root: Path, imports: list[str], **changes: Any
) -> None:
    """Write config.py: names of tasks once, no loss, no metric."""
    text = f"""
_base_ = '{repo_root}/configs/_base_/default_runtime.py'
custom_imports = dict(imports={['outside_data', *imports]})
pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadMultiTaskAnnotations'),
    dict(type='MultiTaskRandomFlip', prob=0.5),
    dict(type='PackMultiTaskInputs'),
]
test_pipeline = [*pipeline[:2], pipeline[3]]
model = dict(
    type='MultiTaskSegmentor',
    data_preprocessor=dict(
        type='MultiTaskDataPreprocessor',
        mean=[0.0] * 3, std=[255.0] * 3, bgr_to_rgb=True,
    ),
    backbone=dict(
        type='SwinTransformer', embed_dims=8, depths=[1, 1, 1, 1],
        num_heads=[1, 1, 2, 2], window_size=2,
    ),
    decode_head=dict(type='PerTaskHeads', in_channels=[8, 16, 32, 64]),
)
train_dataloader = dict(
    batch_size=2,
    num_workers=1,
    multiprocessing_context='spawn',
    sampler=dict(type='InfiniteSampler', shuffle=True),
    dataset=dict(
        type='ArraysDataset', data_root='.', split='train', pipeline=pipeline
    ),
)
val_dataloader = dict(
    batch_size=1,
    num_workers=0,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='ArraysDataset', data_root='.', split='val',
        pipeline=test_pipeline,
    ),
)
test_dataloader = val_dataloader
optim_wrapper = dict(
    type='OptimWrapper', optimizer=dict(type='SGD', lr=1e-3)
)
train_cfg = dict(type='IterBasedTrainLoop', max_iters=6, val_interval=6)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
default_hooks = dict(
    logger=dict(type='LoggerHook', interval=1),
    checkpoint=dict(type='CheckpointHook', by_epoch=False, interval=3),
    visualization=dict(type='MultiTaskVisualizationHook', draw=True),
)
"""
    (project / 'base.py').write_text(text)
    lines = ["_base_ = './base.py'"]
    lines += [f'{key} = {value!r}' for key, value in changes.items()]
    (project / 'config.py').write_text('\n'.join(lines) + '\n')


def follow(
    run: Run, project: Path, repo_root: Path
) -> tuple[dict[str, float], str]:
    """Train, resume, test and predict; return metrics and what came out."""
    tools = repo_root / 'tools'
    # Three steps, then the rest of the six.
    three = ('--cfg-options', 'train_cfg.max_iters=3')
    run(tools / 'train.py', 'config.py', '--work-dir', 'work', *three)
    out = run(
        tools / 'train.py', 'config.py', '--work-dir', 'work', '--resume'
    )
    assert 'Iter(train) [6/6]' in out
    assert 'Iter(train) [3/6]' not in out
    # The dump needs nothing but itself, and the modules that it names.
    dump, weights = 'work/config.py', 'work/iter_6.pth'
    run(
        *(tools / 'test.py', dump, weights, '--work-dir', 'tested'),
        *('--out', 'metrics.json', '--show-dir', 'shown'),
    )
    assert list(project.glob('shown/**/*.png'))
    (project / 'predict.py').write_text(PREDICT)
    out = run('predict.py', dump, weights, 'rgb/0.png')
    assert list(project.glob('pages/*.png'))
    metrics = json.loads((project / 'metrics.json').read_text())['metrics']
    return metrics, out


def check(metrics: Mapping[str, float], out: str, wanted: dict) -> None:
    for name in wanted['metrics']:
        assert np.isfinite(metrics[name])
    for task, dtype in wanted['maps'].items():
        assert f"'{task}': ('{dtype}', {SIZE})" in out


def test_a_data_set_a_method_and_a_weighting(
    run: Run, project: Path, repo_root: Path
) -> None:
    write_config(
        project,
        repo_root,
        ['outside_method'],
        tasks=['semseg', 'depth'],
        model=dict(
            decode_head=dict(type='PointwiseHead'),
            loss_weighting=dict(type='UnitWeighting'),
        ),
    )
    metrics, out = follow(run, project, repo_root)
    wanted = dict(
        metrics=['semseg/mIoU', 'depth/rmse'],
        maps=dict(semseg='int64', depth='float32'),
    )
    check(metrics, out, wanted)
    (scalars,) = (project.glob('work/*/vis_data/scalars.json'),)
    steps = [
        json.loads(line)
        for path in scalars
        for line in path.read_text().splitlines()
    ]
    # The weighting was used: every loss is 1.
    losses = [step['loss'] for step in steps if 'loss' in step]
    assert losses == pytest.approx([2.0] * 6)


def test_tasks_of_a_config_alone(
    run: Run, project: Path, repo_root: Path
) -> None:
    write_config(
        project,
        repo_root,
        [],
        new_tasks=dict(
            cracks=dict(kind='binary'),
            materials=dict(kind='classes'),
            height=dict(kind='scalar', unit='m', mean=12.0, spread=5.0),
        ),
        tasks=['semseg', 'cracks', 'materials', 'height'],
    )
    text = (project / 'config.py').read_text() + FOLDER
    (project / 'config.py').write_text(text)
    # Nothing but the config: no module of one's own.
    base = (project / 'base.py').read_text()
    assert "custom_imports = dict(imports=['outside_data'])\n" in base
    base = base.replace(
        "custom_imports = dict(imports=['outside_data'])\n", ''
    )
    (project / 'base.py').write_text(base)
    metrics, out = follow(run, project, repo_root)
    wanted = dict(
        metrics=['semseg/mIoU', 'cracks/IoU', 'materials/mIoU', 'height/mae'],
        maps=dict(cracks='float32', materials='int64', height='float32'),
    )
    check(metrics, out, wanted)


def test_a_kind(run: Run, project: Path, repo_root: Path) -> None:
    write_config(
        project,
        repo_root,
        ['outside_kind', 'outside_method'],
        tasks=['aspect', 'depth'],
        model=dict(decode_head=dict(type='PointwiseHead')),
    )
    metrics, out = follow(run, project, repo_root)
    wanted = dict(
        metrics=['aspect/mean_err', 'depth/rmse'],
        maps=dict(aspect='float32', depth='float32'),
    )
    check(metrics, out, wanted)
    assert metrics['aspect/mean_err'] <= 180
