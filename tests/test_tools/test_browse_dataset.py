"""The browse_dataset tool."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from mmmtl.visualization.picture_grid import GAP, TITLE
from tests.test_datasets.nyud_folder import write_nyud

SIZE = (96, 160)


def write_config(folder: Path, transforms: list[dict]) -> Path:
    """Write a config whose data are red, with depth on the right half."""
    root = write_nyud(folder / 'data', size=SIZE)
    red = np.zeros((*SIZE, 3), np.uint8)
    red[..., 0] = 250
    depth = np.zeros(SIZE, np.float32)
    depth[:, SIZE[1] // 2 :] = 2
    for sample_id in ('0001', '0002', '0004'):
        Image.fromarray(red).save(root / f'images/{sample_id}.png')
        np.save(root / f'depth/{sample_id}.npy', depth)
    pipeline = [
        dict(type='LoadImageFromFile'),
        dict(type='LoadMultiTaskAnnotations'),
        *transforms,
        dict(type='PackMultiTaskInputs'),
    ]
    dataset = dict(
        type='NYUDv2Dataset',
        data_root=str(root),
        split='train',
        tasks=['depth'],
        pipeline=pipeline,
    )
    path = folder / 'config.py'
    path.write_text(f'train_dataloader = dict(dataset={dataset})\n')
    return path


def cells(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return the first two pictures of a page, RGB."""
    page = cv2.imread(str(path))[..., ::-1]
    top = GAP + TITLE
    lefts = (GAP, 2 * GAP + SIZE[1])
    return tuple(
        page[top : top + SIZE[0], left : left + SIZE[1]] for left in lefts
    )


def test_pictures_show_image_and_labels_after_the_transforms(
    run_tool: Callable, tmp_path: Path
) -> None:
    config = write_config(tmp_path, [dict(type='MultiTaskRandomFlip', prob=1)])
    out = tmp_path / 'out'
    result = run_tool(
        'analysis_tools/browse_dataset.py',
        config,
        '--num',
        '5',
        '--views',
        '2',
        '--out-dir',
        out,
    )
    assert result.code == 0
    assert '4 pictures' in result.out  # there are two samples
    names = sorted(path.name for path in out.iterdir())
    assert names == [
        f'train_{index:04d}_{view}.png' for index in (0, 1) for view in (0, 1)
    ]
    image, depth = cells(out / names[0])
    assert (image == (250, 0, 0)).all()
    # Mirrored: the unknown half is on the right now, and black.
    assert (depth[:, SIZE[1] // 2 :] == 0).all()
    assert (depth[:, : SIZE[1] // 2] > 0).any(axis=-1).all()


def test_same_seed_same_pictures(run_tool: Callable, tmp_path: Path) -> None:
    transforms = [dict(type='MultiTaskPhotoMetricDistortion')]
    config = write_config(tmp_path, transforms)
    pages = []
    for seed in (1, 1, 2):
        out = tmp_path / str(len(pages))
        run_tool(
            'analysis_tools/browse_dataset.py',
            config,
            *('--num', '1', '--views', '3', '--out-dir', out, '--seed', seed),
        )
        pages.append([path.read_bytes() for path in sorted(out.iterdir())])
    assert pages[0] == pages[1] != pages[2]


def test_padding_of_a_test_pipeline_is_cut_off(
    run_tool: Callable, tmp_path: Path
) -> None:
    config = write_config(tmp_path, [])
    text = config.read_text()
    pad = "{'type': 'MultiTaskCenteredPad', 'size': (200, 200)}, "
    load = "{'type': 'LoadMultiTaskAnnotations'}"
    config.write_text(text.replace(load, pad + load))
    out = tmp_path / 'out'
    tool = 'analysis_tools/browse_dataset.py'
    assert run_tool(tool, config, '--out-dir', out).code == 0
    image, _ = cells(out / 'train_0000_0.png')
    assert (image == (250, 0, 0)).all()


def test_mistakes_write_nothing(run_tool: Callable, tmp_path: Path) -> None:
    config = write_config(tmp_path, [])
    out = tmp_path / 'out'
    tool = 'analysis_tools/browse_dataset.py'
    root = 'train_dataloader.dataset.data_root'
    for arguments, message in (
        (['--split', 'val'], 'no val_dataloader'),
        (['--cfg-options', f'{root}={tmp_path}/absent'], 'absent'),
        (['--cfg-options', 'train_dataloader.dataset.spilt=x'], 'spilt'),
    ):
        result = run_tool(tool, config, '--out-dir', out, *arguments)
        assert result.code == 2, arguments
        assert message in result.err
        assert result.err.count('\n') == 1
    assert not out.exists()


OWN = """
custom_imports = dict(imports=['outside_data'])
new_tasks = dict(
    cracks=dict(kind='binary'),
    materials=dict(kind='classes'),
    tilt=dict(kind='scalar', unit='degree'),
)
pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadMultiTaskAnnotations'),
    dict(type='MultiTaskRandomFlip', prob=1.0),
    dict(type='PackMultiTaskInputs'),
]
"""
FOLDER = """
train_dataloader = dict(dataset=dict(
    type='FolderDataset', split='train', pipeline=pipeline,
    image='rgb/{}.png',
    labels=dict(
        cracks='labels/cracks/{}.npy',
        materials='labels/materials/{}.npy',
        tilt='labels/tilt/{}.npy',
    ),
    classes=dict(materials=['wood', 'metal']),
    palettes=dict(materials=[[10, 20, 30], [40, 50, 60]]),
    splits=dict(train='train.txt'),
"""
CLASS = """
train_dataloader = dict(dataset=dict(
    type='ArraysDataset', split='train', pipeline=pipeline,
    tasks=['cracks', 'materials', 'tilt'],
    metainfo=dict(
        materials_classes=['wood', 'metal'],
        materials_palette=[[10, 20, 30], [40, 50, 60]],
    ),
"""


@pytest.mark.parametrize('dataset', [FOLDER, CLASS])
def test_tasks_and_data_sets_of_ones_own_are_drawn(
    run_tool: Callable,
    tmp_path: Path,
    repo_root: Path,
    monkeypatch: pytest.MonkeyPatch,
    dataset: str,
) -> None:
    from mmmtl.registry import DATASETS

    monkeypatch.setattr(DATASETS, '_module_dict', dict(DATASETS.module_dict))
    monkeypatch.delitem(sys.modules, 'outside_data', raising=False)
    monkeypatch.syspath_prepend(str(repo_root / 'tests/data/outside_project'))
    right = np.zeros(SIZE, np.uint8)
    right[:, SIZE[1] // 2 :] = 1
    (tmp_path / 'rgb').mkdir()
    cv2.imwrite(
        str(tmp_path / 'rgb/a.png'), np.full((*SIZE, 3), (0, 0, 250), np.uint8)
    )
    for task in ('cracks', 'materials', 'tilt'):
        (tmp_path / 'labels' / task).mkdir(parents=True)
        np.save(tmp_path / f'labels/{task}/a.npy', right)
    (tmp_path / 'train.txt').write_text('a\n')
    config = tmp_path / 'config.py'
    config.write_text(f'{OWN}{dataset}    data_root={str(tmp_path)!r}))\n')
    result = run_tool(
        'analysis_tools/browse_dataset.py',
        *(config, '--out-dir', tmp_path / 'out'),
    )
    assert result.code == 0, result.err
    page = cv2.imread(str(tmp_path / 'out/train_0000_0.png'))[..., ::-1]
    top, width = GAP + TITLE, SIZE[1]
    # Mirrored: ones are on the left.
    image, cracks, materials, tilt = (
        page[top : top + SIZE[0], left : left + width]
        for left in (GAP + n * (width + GAP) for n in range(4))
    )
    assert (image == (250, 0, 0)).all()
    halves = np.s_[:, : width // 2], np.s_[:, width // 2 :]
    for cell, one, zero in (
        (cracks, (255, 255, 255), (0, 0, 0)),
        (materials, (40, 50, 60), (10, 20, 30)),
    ):
        assert (cell[halves[0]] == one).all()
        assert (cell[halves[1]] == zero).all()
    colours = [np.unique(tilt[half].reshape(-1, 3), axis=0) for half in halves]
    assert [len(found) for found in colours] == [1, 1]
    assert (colours[0] != colours[1]).any()
