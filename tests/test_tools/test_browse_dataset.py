"""The browse_dataset tool."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
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
