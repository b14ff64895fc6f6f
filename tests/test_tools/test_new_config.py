"""From a folder to a trained model by the command line."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mmmtl.engine.config import load_config
from mmmtl.rooms import render_room
from tests.own_tasks import outside_modules, own_table

TOOL = 'new_config.py'
TASKS = ('cracks=binary', 'materials=classes', 'height=scalar', 'depth')


@pytest.fixture(autouse=True)
def _own_rows() -> Iterator[None]:
    with own_table():
        yield


@pytest.fixture
def bridges(tmp_path: Path) -> Path:
    """Six rooms under names of their own, depth in millimetres."""
    root = tmp_path / 'bridges'
    for name in ('rgb', 'masks', 'ids', 'height', 'depth'):
        (root / name).mkdir(parents=True)
    for seed in range(6):
        room = render_room(seed, 64, 80)
        name = f'{seed:03d}'
        Image.fromarray(room.image).save(root / f'rgb/{name}.jpg')
        Image.fromarray(room.edge * 255).save(root / f'masks/{name}.png')
        Image.fromarray(room.semseg + 1).save(root / f'ids/{name}.png')
        np.save(root / f'height/{name}.npy', room.reshading + 0.5)
        millimetres = (room.depth * 1000).round().astype(np.uint16)
        Image.fromarray(millimetres).save(root / f'depth/{name}.png')
    return root


def test_a_kind_of_ones_own_comes_with_its_module(
    run_tool: Callable, bridges: Path
) -> None:
    """The config that is written names it, too."""
    out = bridges.parent / 'my_config.py'
    asked = (TOOL, bridges, '--tasks', 'height=direction', '--out', out)
    done = run_tool(*asked)
    assert done.code == 2
    assert "unknown kind 'direction'" in done.err
    done = run_tool(*asked, '--imports', 'outside_kind')
    assert "--imports outside_kind: No module named 'outs" in done.err
    with outside_modules():
        done = run_tool(*asked, '--imports', 'outside_kind')
        assert done.code == 0, done.err
        config = load_config(out)
    assert config.custom_imports == dict(imports=['outside_kind'])
    head = config.model.decode_head.tasks
    assert head.height.loss == dict(type='DirectionLoss')


def test_choices_are_listed_and_nothing_is_written(
    run_tool: Callable, bridges: Path
) -> None:
    out = bridges.parent / 'my_config.py'
    done = run_tool(TOOL, bridges, '--tasks', *TASKS, '--out', out)
    assert done.code == 2
    assert not out.exists()
    assert '6 images rgb/{}.jpg' in done.out
    assert 'reading labels' in done.err  # a bar
    assert '--encoding depth=millimetres    (median 3' in done.err
    assert "--labels 'cracks=masks/{}.png'" in done.err
    done = run_tool(
        TOOL, bridges, '--tasks', 'depth', '--unit', 'x', '--out', out
    )
    assert done.code == 2
    assert '--unit x: write NAME=VALUE' in done.err


@pytest.mark.slow
def test_a_folder_trains_at_once(
    run_tool: Callable, bridges: Path, tmp_path: Path
) -> None:
    out = tmp_path / 'my_config.py'
    done = run_tool(
        *(TOOL, bridges, '--tasks', *TASKS, '--unit', 'height=m'),
        *('--labels', 'cracks=masks/{}.png', 'materials=ids/{}.png'),
        *('--encoding', 'depth=millimetres', '--method', 'fcn', '--out', out),
    )
    assert done.code == 0, done.err
    text = out.read_text()
    assert len(text.splitlines()) < 70
    assert "depth=dict(path='depth/{}.png', scale=0.001)" in text
    done = run_tool('dataset_converters/verify.py', '--config', out)
    assert done.code == 0, done.out + done.err
    pages = tmp_path / 'pages'
    done = run_tool(
        *('analysis_tools/browse_dataset.py', out, '--num', 2),
        *('--out-dir', pages),
    )
    assert done.code == 0, done.err
    assert len(list(pages.glob('*.png'))) == 2
    small = (
        '--cfg-options',
        'model.backbone.init_cfg=None',
        'model.backbone.depths=[1,1,1,1]',
        'model.decode_head.channels=16',
        *(f'{s}_dataloader.num_workers=0' for s in ('train', 'val', 'test')),
        *(
            f'{s}_dataloader.persistent_workers=False'
            for s in ('train', 'val', 'test')
        ),
    )
    work = ('--work-dir', tmp_path / 'work')
    done = run_tool(
        *('train.py', out, *work, *small),
        *('train_cfg.max_iters=2', 'train_dataloader.batch_size=2'),
    )
    assert done.code == 0, done.err
    done = run_tool(
        'test.py', out, tmp_path / 'work/iter_2.pth', *work, *small
    )
    assert done.code == 0, done.err
    for name in ('cracks/IoU', 'materials/mIoU', 'height/mae', 'depth/rmse'):
        assert f'{name}: ' in done.out
