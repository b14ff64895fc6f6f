"""NYUDv2: layout, encodings, and which files are read."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope

from mmmtl.datasets import NYUDv2Dataset
from mmmtl.datasets.nyud.encodings import (
    decode_depth,
    decode_edge,
    decode_normals,
    decode_semseg,
)
from mmmtl.registry import DATASETS
from mmmtl.rooms.classes import CLASSES, PALETTE
from tests.test_datasets.nyud_folder import (
    FILES,
    SIZE,
    stored_arrays,
    write_file,
    write_nyud,
)

TASKS = ['semseg', 'depth', 'normals', 'edge']
PIPELINE = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadMultiTaskAnnotations'),
    dict(type='PackMultiTaskInputs'),
]


def make(root: Path, **changes: object) -> NYUDv2Dataset:
    # Serialising collects garbage, half a second each time.
    arguments = dict(
        split='train', tasks=TASKS, pipeline=PIPELINE, serialize_data=False
    )
    return NYUDv2Dataset(root, **{**arguments, **changes})


@pytest.mark.parametrize('serialize', [True, False])
def test_sample_holds_what_was_written(
    tmp_path: Path, serialize: bool
) -> None:
    write_nyud(tmp_path)
    dataset = make(tmp_path, serialize_data=serialize)
    assert len(dataset) == 2
    packed = dataset[1]
    stored = stored_arrays()
    bgr = stored['image'][..., ::-1].transpose(2, 0, 1)
    np.testing.assert_array_equal(packed['inputs'], bgr)
    sample = packed['data_samples']
    assert sample.sample_id == '0004'
    assert sample.ori_shape == SIZE
    assert sample.img_path == str(tmp_path / 'images/0004.png')
    semseg = sample.get_gt('semseg')[0].numpy()
    labelled = stored['semseg'] > 0
    np.testing.assert_array_equal(
        semseg[labelled], stored['semseg'][labelled].astype(int) - 1
    )
    assert (semseg[~labelled] == 255).all()
    np.testing.assert_array_equal(sample.get_gt('depth')[0], stored['depth'])
    np.testing.assert_array_equal(
        sample.get_gt('edge')[0], stored['edge'] == 255
    )
    np.testing.assert_allclose(
        sample.get_gt('normals'),
        1 - stored['normals'].transpose(2, 0, 1) * (2 / 255),
        rtol=0,
        atol=1e-7,
    )


def test_splits(tmp_path: Path) -> None:
    write_nyud(tmp_path, train=['0001'], val=['0002', '0009'])
    ids = [
        sample['data_samples'].sample_id
        for sample in make(tmp_path, split='val')
    ]
    assert ids == ['0002', '0009']


def test_only_the_labels_of_the_tasks_are_needed(tmp_path: Path) -> None:
    write_nyud(tmp_path)
    for folder in ('segmentation', 'normals', 'edge'):
        shutil.rmtree(tmp_path / folder)
    sample = make(tmp_path, tasks=['depth'])[0]['data_samples']
    assert sample.has_gt('depth')
    assert not any(sample.has_gt(t) for t in ('semseg', 'normals', 'edge'))
    with pytest.raises(ValueError, match='6 of 10 files are missing'):
        make(tmp_path)


def test_crop_without_semseg(tmp_path: Path) -> None:
    write_nyud(tmp_path)
    crop = dict(
        type='MultiTaskRandomCrop', crop_size=(8, 8), cat_max_ratio=0.75
    )
    pipeline = [*PIPELINE[:2], crop, PIPELINE[2]]
    sample = make(tmp_path, tasks=['depth'], pipeline=pipeline)[0]
    assert sample['data_samples'].get_gt('depth').shape == (1, 8, 8)


def test_other_classes(tmp_path: Path) -> None:
    write_nyud(tmp_path)
    names = [f'class {n}' for n in range(41)]
    dataset = make(tmp_path, metainfo=dict(classes=names, palette=None))
    assert list(dataset.metainfo['classes']) == names
    assert len(NYUDv2Dataset.METAINFO['classes']) == 40


def test_built_from_another_scope(tmp_path: Path) -> None:
    write_nyud(tmp_path)
    cfg = dict(
        type='mmmtl.NYUDv2Dataset',
        data_root=str(tmp_path),
        split='val',
        tasks=['edge'],
        pipeline=PIPELINE,
    )
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        dataset = DATASETS.build(cfg)
    assert dataset[0]['data_samples'].has_gt('edge')


def test_table_of_classes() -> None:
    classes = NYUDv2Dataset.METAINFO['classes']
    palette = NYUDv2Dataset.METAINFO['palette']
    assert len(set(classes)) == len(set(palette)) == 40
    # The ids of the published label maps, one less.
    known = {0: 'wall', 1: 'floor', 21: 'ceiling', 30: 'person'}
    assert {i: classes[i] for i in known} == known
    assert classes[37:] == ('otherstructure', 'otherfurniture', 'otherprop')


@pytest.mark.parametrize('part', ['train', 'val', 'test'])
@pytest.mark.parametrize(
    ('name', 'crop_size'), [('nyud', (425, 560)), ('rooms', (96, 128))]
)
def test_base_configs(
    repo_root: Path,
    tmp_path: Path,
    name: str,
    crop_size: tuple[int, int],
    part: str,
) -> None:
    write_nyud(tmp_path, size=(96, 128))
    config = Config.fromfile(repo_root / f'configs/_base_/datasets/{name}.py')
    settings = config[f'{part}_dataloader'].dataset
    settings.data_root = str(tmp_path)
    if name == 'rooms':
        for sample_id in ('0001', '0002', '0004'):
            semseg = stored_arrays((96, 128))['semseg'] % 16
            write_file(tmp_path, 'semseg', sample_id, semseg)
    dataset = DATASETS.build(settings)
    packed = dataset[0]
    size = crop_size if part == 'train' else (96, 128)
    assert packed['inputs'].shape[1:] == size
    for task in config.tasks:
        assert packed['data_samples'].get_gt(task).shape[1:] == size


def test_rooms_config_has_the_classes_of_the_renderer(
    repo_root: Path,
) -> None:
    path = repo_root / 'configs/_base_/datasets/rooms.py'
    metainfo = Config.fromfile(path).metainfo
    assert tuple(metainfo.classes) == CLASSES
    assert tuple(map(tuple, metainfo.palette)) == PALETTE


def test_test_time_augmentation(repo_root: Path, tmp_path: Path) -> None:
    write_nyud(tmp_path)
    path = repo_root / 'configs/_base_/datasets/nyud.py'
    pipeline = Config.fromfile(path).tta_pipeline
    views = make(tmp_path, split='val', pipeline=pipeline)[0]
    samples = views['data_samples']
    assert [s.zoom for s in samples] == [0.75, 0.75, 1.0, 1.0, 1.25, 1.25]
    assert [s.flip for s in samples] == [False, True] * 3
    assert views['inputs'][4].shape == (3, 15, 20)
    np.testing.assert_array_equal(
        views['inputs'][3], views['inputs'][2].flip(-1)
    )
    # Labels stay those of the original image in every view.
    for sample in samples:
        assert sample.ori_shape == SIZE
        assert torch.equal(
            sample.get_gt('depth')[0], torch.tensor(stored_arrays()['depth'])
        )


def test_decode_semseg() -> None:
    found = decode_semseg(np.uint8([[0, 1, 40]]))
    assert found.tolist() == [[255, 0, 39]]
    assert found.dtype == np.uint8
    wide = decode_semseg(np.int32([[0, 1, 40]]))
    assert wide.tolist() == [[255, 0, 39]]


def test_decode_normals() -> None:
    # 1 - 2 * 0 / 255, 1 - 2 * 255 / 255, 1 - 2 * 51 / 255.
    found = decode_normals(np.uint8([[[0, 255, 51]]]))
    np.testing.assert_allclose(found, [[[1, -1, 0.6]]], atol=1e-7)
    assert found.dtype == np.float32


def test_convention_only_the_grey_of_a_zero_vector_is_no_normal() -> None:
    levels = np.arange(256, dtype=np.uint8)
    vectors = decode_normals(np.stack([levels] * 3, -1)[None])[0]
    # round((0 + 1) / 2 * 255) = 128
    assert np.flatnonzero((vectors == 0).all(-1)).tolist() == [128]
    assert (np.delete(vectors, 128, axis=0) != 0).all()
    beside = decode_normals(np.uint8([[[128, 128, 127], [127, 128, 128]]]))
    assert (beside != 0).all()


def test_decode_edge() -> None:
    found = decode_edge(np.uint8([[0, 127, 128, 255]]))
    assert found.tolist() == [[0, 0, 1, 1]]
    assert found.dtype == np.uint8
    assert decode_edge(np.zeros((1, 2), np.uint8)).tolist() == [[0, 0]]


def test_decode_depth() -> None:
    stored = np.float64([[[0.0], [9.75]]])
    found = decode_depth(stored)
    assert found.tolist() == [[0.0, 9.75]]
    assert found.dtype == np.float32


def test_one_bit_edges(tmp_path: Path) -> None:
    write_nyud(tmp_path)
    edge = stored_arrays()['edge'] > 0
    write_file(tmp_path, 'edge', '0001', edge)  # Pillow stores one bit
    sample = make(tmp_path, tasks=['edge'])[0]['data_samples']
    np.testing.assert_array_equal(sample.get_gt('edge')[0], edge)


def test_palette_pictures_are_read_as_indices(tmp_path: Path) -> None:
    from PIL import Image

    write_nyud(tmp_path)
    picture = Image.fromarray(stored_arrays()['semseg']).convert('P')
    picture.putpalette([255 - n // 3 for n in range(768)])
    picture.save(tmp_path / FILES['semseg'].format('0001'))
    sample = make(tmp_path, tasks=['semseg'])[0]['data_samples']
    assert sample.get_gt('semseg')[0, 0, :4].tolist() == [255, 0, 1, 2]
