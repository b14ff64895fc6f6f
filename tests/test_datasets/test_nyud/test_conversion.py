"""From the official labelled set of NYU Depth v2 to its layout."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mmmtl.datasets import NYUDMTDataset, NYUDv2Dataset
from mmmtl.datasets.base import BaseMultiTaskDataset
from mmmtl.datasets.nyud.conversion import (
    CROP,
    LabeledMat,
    NYUDSource,
    convert,
    read_class_map,
    read_normals,
    read_splits,
)
from mmmtl.datasets.stored_normals import vectors_of_bytes
from mmmtl.errors import DatasetError
from tests.test_datasets.real_data import real_data
from tests.test_datasets.test_nyud.nyud_mat import (
    NORMALS,
    SHAPE,
    frame,
    write_class_map,
    write_labeled,
    write_splits,
)

pytest.importorskip('h5py', reason='the converter reads HDF5 with h5py')

TASKS = ['semseg', 'depth', 'normals', 'edge']


@pytest.fixture(scope='module')
def source(tmp_path_factory: pytest.TempPathFactory) -> NYUDSource:
    folder = tmp_path_factory.mktemp('official')
    write_class_map(folder / 'classes.mat')
    return NYUDSource(
        labeled=write_labeled(folder / 'labeled.mat'),
        splits=write_splits(folder / 'splits.mat', [2, 3], [1]),
        classes=folder / 'classes.mat',
    )


@pytest.fixture(scope='module')
def converted(
    source: NYUDSource, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    out = tmp_path_factory.mktemp('converted') / 'NYUDv2'
    assert convert(source, out) == {'train': 2, 'val': 1}
    return out


def loaded(
    root: Path, split: str, kind: type[BaseMultiTaskDataset] = NYUDv2Dataset
) -> list[dict]:
    dataset = kind(
        root,
        split=split,
        tasks=TASKS,
        pipeline=[
            dict(type='LoadImageFromFile'),
            dict(type='LoadMultiTaskAnnotations'),
        ],
        serialize_data=False,
    )
    return list(dataset)


def test_views_are_the_right_way_round(converted: Path) -> None:
    val = loaded(converted, 'val')
    assert [sample['sample_id'] for sample in val] == ['0001']
    train = loaded(converted, 'train')
    assert [sample['sample_id'] for sample in train] == ['0002', '0003']
    expected = frame(3)['images'][CROP]
    assert expected.shape == (425, 560, 3)
    np.testing.assert_array_equal(train[1]['img'][..., ::-1], expected)


def test_labels(converted: Path) -> None:
    labels = loaded(converted, 'train')[0]['labels']
    stored = frame(2)
    np.testing.assert_array_equal(labels['depth'], stored['depths'][CROP])
    # Class 3 -> (3 - 1) % 40 + 1 = 3, as 2; class 894 -> 893 % 40 + 1 = 14,
    # as 13; 0 -> 255.
    expected = np.select(
        [stored['labels'] == 3, stored['labels'] == 894], [2, 13], 255
    )
    np.testing.assert_array_equal(labels['semseg'], expected[CROP])


def test_normals_are_those_of_the_depth(converted: Path) -> None:
    normals = loaded(converted, 'val')[0]['labels']['normals']
    columns = np.arange(SHAPE[1])[CROP[1]]
    expected = np.where((columns < 320)[None, :, None], NORMALS[0], NORMALS[1])
    known = (normals != 0).any(-1)
    hole = (frame(1)['rawDepths'] == 0)[CROP]
    np.testing.assert_array_equal(known, ~hole)
    error = np.abs(normals - expected).max(-1)[known]
    # Half a step of 2 / 255, and what the fit adds; more at the crease.
    assert np.quantile(error, 0.99) < 0.5 * 2 / 255 + 1e-3


@pytest.mark.parametrize('published', [False, True])
@pytest.mark.parametrize('layout', ['nyud', 'nyud-mt'])
def test_convention_files_hold_normals_in_the_archives_frame(
    source: NYUDSource, tmp_path: Path, layout: str, published: bool
) -> None:
    """Files hold x left, y up, z towards the camera: ours, negated."""
    normals_dir = (
        write_ladicky(tmp_path / 'normals', order=[2, 1, 0])
        if published
        else None
    )
    what = replace(source, layout=layout, normals_dir=normals_dir)
    convert(what, tmp_path / 'out')
    path = tmp_path / 'out/normals/0001.png'
    stored = (
        np.asarray(Image.open(path)) / 127.5 - 1
        if layout == 'nyud'
        else np.load(path.with_suffix('.npy'))
    )
    # Away from the crease, where the fit is exact.
    for column, wanted in ((20, NORMALS[0]), (-20, NORMALS[1])):
        np.testing.assert_allclose(
            stored[-20, column], -np.array(wanted), rtol=0, atol=1.5 / 255
        )


def test_boundaries_are_those_of_the_objects(converted: Path) -> None:
    edge = loaded(converted, 'val')[0]['labels']['edge']
    # Four objects, split after row 239 and column 319; the unlabelled stripe
    # lies inside the left ones and closes.
    expected = np.zeros(SHAPE, np.uint8)
    expected[239] = 1
    expected[:, 319] = 1
    np.testing.assert_array_equal(edge, expected[CROP])


def test_raw_depth_keeps_the_holes(source: NYUDSource, tmp_path: Path) -> None:
    measured = NYUDSource(
        source.labeled, source.splits, source.classes, raw_depth=True
    )
    convert(measured, tmp_path / 'out')
    depth = loaded(tmp_path / 'out', 'val')[0]['labels']['depth']
    np.testing.assert_array_equal(depth, frame(1)['rawDepths'][CROP])
    assert (depth == 0).sum() == 40 * 40


def write_ladicky(folder: Path, *, order: list[int]) -> Path:
    for number, part in ((1, 'test'), (2, 'train'), (3, 'train')):
        normals = np.broadcast_to(NORMALS[0], (*SHAPE, 3)).copy()
        normals[:, 320:] = NORMALS[1]
        stored = np.round((normals[..., order] + 1) * 127.5).astype(np.uint8)
        (folder / part).mkdir(parents=True, exist_ok=True)
        Image.fromarray(stored).save(folder / part / f'{number:05d}.png')
    return folder


def test_published_normals(source: NYUDSource, tmp_path: Path) -> None:
    # Their channels are forward, down, right.
    folder = write_ladicky(tmp_path / 'normals', order=[2, 1, 0])
    with_normals = NYUDSource(
        source.labeled, source.splits, source.classes, normals_dir=folder
    )
    convert(with_normals, tmp_path / 'out')
    normals = loaded(tmp_path / 'out', 'val')[0]['labels']['normals']
    # A step is 2 / 255.
    np.testing.assert_allclose(normals[0, 0], NORMALS[0], atol=1.01 / 255)
    assert (normals != 0).any(-1).all()


def test_arrays_hold_the_same_maps(
    source: NYUDSource, converted: Path, tmp_path: Path
) -> None:
    out = tmp_path / 'NYUD_MT'
    counts = convert(replace(source, layout='nyud-mt'), out)
    assert counts == {'train': 2, 'val': 1}
    for split in counts:
        pairs = zip(
            loaded(out, split, NYUDMTDataset),
            loaded(converted, split),
            strict=True,
        )
        for arrays, pictures in pairs:
            assert arrays['sample_id'] == pictures['sample_id']
            for task in ('semseg', 'depth', 'edge'):
                np.testing.assert_array_equal(
                    arrays['labels'][task], pictures['labels'][task]
                )
            normals = arrays['labels']['normals']
            rounded = pictures['labels']['normals']
            # Half a step of 2 / 255.
            np.testing.assert_allclose(normals, rounded, atol=1.01 / 255)
            length = np.linalg.norm(normals, axis=-1)
            known = (rounded != 0).any(-1)
            np.testing.assert_allclose(length, known, atol=1e-6)
            assert 0 < known.mean() < 1
            lost = arrays['img'].astype(int) - pictures['img']
            assert np.abs(lost).mean() < 3  # JPEG


def test_files_of_arrays(source: NYUDSource, tmp_path: Path) -> None:
    convert(replace(source, layout='nyud-mt'), tmp_path / 'out')
    files = {
        path.relative_to(tmp_path / 'out').as_posix()
        for path in (tmp_path / 'out').rglob('*0001.*')
    }
    assert files == {
        'images/0001.jpg',
        'segmentation/0001.png',
        'depth/0001.npy',
        'normals/0001.npy',
        'edge/0001.npy',
    }
    edge = np.load(tmp_path / 'out/edge/0001.npy')
    assert edge.dtype == np.float32
    assert np.unique(edge).tolist() == [0, 1]
    assert '; 0 0 0 where' in (tmp_path / 'out/meta.json').read_text()


def test_published_normals_as_arrays_are_unit_vectors(
    source: NYUDSource, tmp_path: Path
) -> None:
    folder = write_ladicky(tmp_path / 'normals', order=[2, 1, 0])
    convert(
        replace(source, normals_dir=folder, layout='nyud-mt'),
        tmp_path / 'out',
    )
    sample = loaded(tmp_path / 'out', 'val', NYUDMTDataset)[0]
    normals = sample['labels']['normals']
    np.testing.assert_allclose(normals[0, 0], NORMALS[0], atol=1.01 / 255)
    np.testing.assert_allclose(np.linalg.norm(normals, axis=-1), 1, atol=1e-6)


def test_published_normals_in_other_axes_are_refused(
    source: NYUDSource, tmp_path: Path
) -> None:
    folder = write_ladicky(tmp_path / 'normals', order=[0, 1, 2])
    wrong = NYUDSource(
        source.labeled, source.splits, source.classes, normals_dir=folder
    )
    with pytest.raises(DatasetError, match='forward, down, right'):
        convert(wrong, tmp_path / 'out')
    assert not (tmp_path / 'out').exists()


@pytest.mark.slow
def test_workers_write_the_same_bytes(
    source: NYUDSource, converted: Path, tmp_path: Path
) -> None:
    convert(source, tmp_path / 'out', workers=2)
    for path in converted.rglob('*.*'):
        other = tmp_path / 'out' / path.relative_to(converted)
        assert other.read_bytes() == path.read_bytes()
    assert [p.name for p in tmp_path.iterdir()] == ['out']


def test_a_failure_leaves_nothing(source: NYUDSource, tmp_path: Path) -> None:
    short = tmp_path / 'in' / 'classes.mat'
    short.parent.mkdir()
    from scipy.io import savemat

    savemat(short, {'mapClass': np.ones((1, 13), np.uint8)})
    other = NYUDSource(source.labeled, source.splits, short)
    with pytest.raises(DatasetError, match=r'holds class 894.*ends at 13'):
        convert(other, tmp_path / 'out')
    assert [p.name for p in tmp_path.iterdir()] == ['in']


def test_a_folder_with_other_things_is_left_alone(
    source: NYUDSource, tmp_path: Path
) -> None:
    (tmp_path / 'notes.txt').write_text('mine')
    with pytest.raises(FileExistsError, match='not empty'):
        convert(source, tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ['notes.txt']


def test_wrong_files_are_named(source: NYUDSource, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r'absent\.mat: no such file'):
        LabeledMat(tmp_path / 'absent.mat')
    with pytest.raises(DatasetError, match=r'no MATLAB 7\.3 file'):
        LabeledMat(source.splits)
    cut = tmp_path / 'cut.mat'
    cut.write_bytes(source.labeled.read_bytes()[:5000])
    with pytest.raises(DatasetError, match='truncated'):
        LabeledMat(cut)
    with pytest.raises(DatasetError, match="holds no variable 'mapClass'"):
        read_class_map(source.splits)
    with pytest.raises(DatasetError, match='do not belong together'):
        read_splits(source.splits, 2)
    twice = write_splits(tmp_path / 'twice.mat', [1, 2], [2])
    with pytest.raises(DatasetError, match='in two places'):
        read_splits(twice, 3)


def test_another_hdf5_file_is_refused(tmp_path: Path) -> None:
    import h5py

    with h5py.File(tmp_path / 'other.mat', 'w') as file:
        file['images'] = np.zeros((2, 480, 640, 3), np.uint8)
    with pytest.raises(
        DatasetError, match=r"'images' is \(2, 480, 640, 3\), it must be"
    ):
        LabeledMat(tmp_path / 'other.mat')


def test_real_splits_and_class_map() -> None:
    splits = read_splits(real_data('nyuv2/meta/splits.mat'), 1449)
    assert {k: len(v) for k, v in splits.items()} == {
        'train': 795,
        'val': 654,
    }
    assert splits['train'][:4] == [3, 4, 5, 6]
    assert sorted(splits['train'] + splits['val']) == list(range(1, 1450))
    table = read_class_map(real_data('nyuv2/meta/classMapping40.mat'))
    assert table.shape == (895,)
    # Class 3 is "cabinet", class 4 "ceiling" of the 894.
    assert table[[0, 3, 4]].tolist() == [0, 3, 22]
    assert np.bincount(table)[38:].tolist() == [68, 82, 707]


def test_real_published_normals_face_the_camera(tmp_path: Path) -> None:
    path = real_data('nyuv2/train_one/normal.png')
    (tmp_path / 'train').mkdir()
    with Image.open(path) as picture:
        picture.convert('RGB').save(tmp_path / 'train/00003.png')
    stored = read_normals(tmp_path, 3)
    normals = vectors_of_bytes(stored)
    np.testing.assert_allclose(np.linalg.norm(normals, axis=-1), 1, atol=0.05)
    assert (normals[..., 2] < 0).mean() > 0.98
    # The table top: up is -y.
    assert np.median(normals[370:400, 150:300, 1]) < -0.9


def test_full_frames_are_what_mult_reads(
    source: NYUDSource, tmp_path: Path
) -> None:
    """Rows 7 to 473 and columns 7 to 631; depth everywhere, twice."""
    whole = replace(source, full_frame=True)
    convert(whole, tmp_path / 'out')
    sample = loaded(tmp_path / 'out', 'val')[0]
    inside = np.zeros(SHAPE, bool)
    inside[7:474, 7:632] = True
    stored = frame(1)
    np.testing.assert_array_equal(
        sample['img'][..., ::-1], stored['images'] * inside[..., None]
    )
    labels = sample['labels']
    np.testing.assert_array_equal(labels['depth'], stored['depths'])
    known = (stored['labels'] > 0) & inside
    np.testing.assert_array_equal(labels['semseg'] != 255, known)
    assert labels['edge'][inside].any()
    assert not labels['edge'][~inside].any()
    raw = np.asarray(Image.open(tmp_path / 'out/depth_raw/0001.png'))
    np.testing.assert_allclose(raw / 1000, stored['rawDepths'], atol=5.1e-4)
    assert whole.meta()['crop'].startswith('none')


def test_only_full_frames_have_measured_depth_beside(
    converted: Path,
) -> None:
    assert not (converted / 'depth_raw').exists()
