"""NYUD_MT: the layout with JPEG images and arrays."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from mmengine.config import Config
from PIL import Image

from mmmtl.datasets import NYUDMTDataset
from mmmtl.datasets.nyud.encodings import (
    decode_float_edge,
    decode_float_normals,
)
from mmmtl.errors import DatasetError
from mmmtl.registry import DATASETS
from tests.test_datasets.nyud_folder import SIZE, stored_arrays

TASKS = ['semseg', 'depth', 'normals', 'edge']
PIPELINE = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadMultiTaskAnnotations'),
    dict(type='PackMultiTaskInputs'),
]


def float_arrays() -> dict[str, np.ndarray]:
    stored = stored_arrays()
    normals = stored['normals'].astype(np.float32) - 64
    normals /= np.linalg.norm(normals, axis=2, keepdims=True)
    normals[2:4, 5] = 0
    return {
        'segmentation': stored['semseg'],
        'normals': normals,
        'depth': stored['depth'],
        'edge': (stored['edge'] > 0).astype(np.float32),
    }


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ('images', 'gt_sets', *float_arrays()):
        (tmp_path / name).mkdir()
    for sample_id in ('0001', '0003'):
        image = Image.fromarray(stored_arrays()['image'])
        image.save(tmp_path / f'images/{sample_id}.jpg', quality=95)
        for name, array in float_arrays().items():
            path = tmp_path / name / sample_id
            if name == 'segmentation':
                Image.fromarray(array).save(f'{path}.png')
            else:
                np.save(f'{path}.npy', array)
    (tmp_path / 'gt_sets/val.txt').write_text('0001\n0003\n')
    return tmp_path


def make(root: Path) -> NYUDMTDataset:
    return NYUDMTDataset(
        root, split='val', tasks=TASKS, pipeline=PIPELINE, serialize_data=False
    )


def test_sample_holds_what_was_written(folder: Path) -> None:
    packed = make(folder)[1]
    expected = float_arrays()
    sample = packed['data_samples']
    assert sample.sample_id == '0003'
    bgr = stored_arrays()['image'][..., ::-1].transpose(2, 0, 1)
    difference = packed['inputs'].numpy().astype(int) - bgr
    assert np.abs(difference).mean() < 3  # JPEG
    np.testing.assert_array_equal(
        sample.get_gt('normals'), -expected['normals'].transpose(2, 0, 1)
    )
    np.testing.assert_array_equal(sample.get_gt('edge')[0], expected['edge'])
    np.testing.assert_array_equal(sample.get_gt('depth')[0], expected['depth'])
    semseg = sample.get_gt('semseg')[0].numpy()
    np.testing.assert_array_equal(
        semseg, (expected['segmentation'].astype(int) - 1) % 256
    )


@pytest.mark.parametrize(
    ('name', 'array', 'message'),
    [
        ('normals', np.ones((*SIZE, 3), np.uint8), 'is uint8'),
        ('normals', np.ones(SIZE, np.float32), 'floating point unit vectors'),
        ('normals', np.full((*SIZE, 3), 255.0), '255 as its largest comp'),
        ('normals', np.full((*SIZE, 3), np.nan), 'nan as its largest comp'),
        ('edge', np.full(SIZE, 255.0), 'holds 0 to 255'),
        ('edge', np.full(SIZE, np.nan), 'holds nan to nan'),
        ('edge', np.ones((*SIZE, 3)), 'write (H, W) numbers'),
    ],
)
def test_wrong_files_are_named(
    folder: Path, name: str, array: np.ndarray, message: str
) -> None:
    path = folder / f'{name}/0001.npy'
    np.save(path, array)
    with pytest.raises(DatasetError) as caught:
        make(folder)[0]
    text = str(caught.value)
    assert text.startswith(f'{name} label {path}: ')
    assert message in text


def test_base_config(repo_root: Path, folder: Path) -> None:
    path = repo_root / 'configs/_base_/datasets/nyud-mt.py'
    config = Config.fromfile(path)
    for part, split in (('train', 'train'), ('val', 'val'), ('test', 'val')):
        settings = config[f'{part}_dataloader'].dataset
        assert (settings.type, settings.split) == ('NYUDMTDataset', split)
        assert settings.data_root == 'data/NYUD_MT'
    settings.data_root = str(folder)
    packed = DATASETS.build(settings)[0]
    assert packed['data_samples'].get_gt('normals').shape == (3, *SIZE)


def test_decoders_accept_what_arrays_are_usually_stored_as() -> None:
    for stored in ([[False, True]], [[0, 1]], [[0.0, 1.0]], [[0.4, 0.5]]):
        found = decode_float_edge(np.array(stored))
        assert found.tolist() == [[0, 1]]
        assert found.dtype == np.uint8
        assert decode_float_edge(np.array(stored)[..., None]).shape == (1, 2)
    normals = np.float64([[[0, 0, -1.004], [0, 0, 0]]])
    found = decode_float_normals(normals)
    np.testing.assert_array_equal(found, -normals.astype(np.float32))
    assert found.dtype == np.float32
    halves = decode_float_normals(normals.astype(np.float16))
    assert halves.dtype == np.float32
