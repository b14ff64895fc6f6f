"""Reading folders of other projects, good ones and bad ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat

from mmmtl.errors import DatasetError
from mmmtl.evaluation.boundary_folder import (
    MapPair,
    pair_maps,
    read_labels,
    read_outline,
    read_strength,
)
from mmmtl.geometry import outline

GREY = np.array([[0, 51, 255], [10, 20, 30]], dtype=np.uint8)


def write(path: Path, values: np.ndarray) -> Path:
    path.parent.mkdir(exist_ok=True)
    if path.suffix == '.npy':
        np.save(path, values)
    else:
        Image.fromarray(values).save(path)
    return path


def write_mat(path: Path, *maps: np.ndarray) -> Path:
    cells = np.empty((1, len(maps)), dtype=object)
    for index, values in enumerate(maps):
        cells[0, index] = {'Boundaries': values}
    path.parent.mkdir(exist_ok=True)
    savemat(path, {'groundTruth': cells})
    return path


def test_strengths(tmp_path: Path) -> None:
    want = GREY / 255
    for name, values in {
        'grey.png': GREY,
        'colours.png': np.stack([GREY] * 3, axis=-1),
        'sixteen.png': GREY.astype(np.uint16) * 257,
        'bytes.npy': GREY,
        'floats.npy': (want + 0.001).clip(0, 1).astype(np.float32),
        'doubles.npy': (want + 0.001).clip(0, 1),
    }.items():
        found, _ = read_strength(write(tmp_path / name, values))
        assert found.dtype == np.float64
        np.testing.assert_array_equal(found, want, err_msg=name)


def test_labels(tmp_path: Path) -> None:
    want = GREY > 40
    for name, values in {
        'full.png': want.astype(np.uint8) * 255,
        'ones.png': want.astype(np.uint8),
        'bits.png': want,
        'array.npy': want.astype(np.float32),
    }.items():
        (found,) = read_labels(write(tmp_path / name, values))
        np.testing.assert_array_equal(found, want, err_msg=name)


def test_several_annotators(tmp_path: Path) -> None:
    maps = [(value < GREY).astype(np.uint8) for value in (5, 15, 40)]
    found = read_labels(write_mat(tmp_path / 'a.mat', *maps))
    np.testing.assert_array_equal(found, maps)
    assert found[0].dtype == bool


def test_outlines_of_stored_maps(tmp_path: Path) -> None:
    """Whatever the values are: a picture, floats, a LabelMap."""
    want = outline(GREY)
    assert want.sum() == 5
    savemat(tmp_path / 'a.mat', {'LabelMap': GREY.astype(np.uint16)})
    paths = [
        tmp_path / 'a.mat',
        write(tmp_path / 'a.png', GREY),
        write(tmp_path / 'colours.png', np.stack([GREY] * 3, axis=-1)),
        write(tmp_path / 'a.npy', GREY / 255),
    ]
    for path in paths:
        np.testing.assert_array_equal(read_outline(path), want)
        pair = MapPair(write(tmp_path / 'p.png', GREY), path, outline=True)
        np.testing.assert_array_equal(pair.read()[1], [want])


def test_bad_stored_maps(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"a\.mat holds no .*'LabelMap'"):
        read_outline(write_mat(tmp_path / 'a.mat', GREY))
    savemat(tmp_path / 'b.mat', {'LabelMap': np.zeros((2, 3, 4))})
    with pytest.raises(DatasetError, match=r'b\.mat has the shape \(2, 3, 4'):
        read_outline(tmp_path / 'b.mat')


@pytest.mark.parametrize(
    ('name', 'values', 'message'),
    [
        ('a.png', np.zeros((2, 3, 4), np.uint8) + GREY[0, :1, None], None),
        ('a.npy', GREY.astype(np.float32), r'a\.npy holds values from 0'),
        ('a.npy', np.full((2, 2), np.nan), r'a\.npy holds values from nan'),
        ('a.npy', GREY.astype(np.int64), r'a\.npy is of type int64'),
        ('a.npy', GREY[0], r'a\.npy has the shape \(3,\)'),
        ('a.npy', GREY[:0], r'a\.npy has the shape \(0, 3\)'),
    ],
)
def test_bad_strengths(
    tmp_path: Path, name: str, values: np.ndarray, message: str | None
) -> None:
    if message is None:  # red, with an alpha channel
        values = values.copy()
        values[..., 0], message = 9, r'a\.png has the shape \(2, 3, 4\)'
    path = write(tmp_path / name, values)
    with pytest.raises(DatasetError, match=message):
        read_strength(path)


def test_bad_labels(tmp_path: Path) -> None:
    path = write(tmp_path / 'g.png', GREY)
    with pytest.raises(DatasetError, match=r'g\.png holds the values 0, 10,'):
        read_labels(path)
    other = tmp_path / 'other.mat'
    savemat(other, {'LabelMap': GREY})
    with pytest.raises(DatasetError, match=r"other\.mat.*'groundTruth'"):
        read_labels(other)
    savemat(other, {'groundTruth': GREY})
    with pytest.raises(DatasetError, match=r'other\.mat is no file of the B'):
        read_labels(other)
    other.write_bytes(other.read_bytes()[:150])
    with pytest.raises(DatasetError, match=r'other\.mat is unreadable'):
        read_labels(other)


def test_a_truncated_picture_is_refused_by_name(tmp_path: Path) -> None:
    values = np.random.default_rng(0).integers(0, 255, (50, 50))
    path = write(tmp_path / 'a.png', values.astype(np.uint8))
    path.write_bytes(path.read_bytes()[:-900])
    with pytest.raises(DatasetError, match=r'a\.png is unreadable'):
        read_strength(path)


def test_other_sizes_are_refused_by_name(tmp_path: Path) -> None:
    pair = MapPair(
        write(tmp_path / 'p' / 'a.png', GREY),
        write_mat(tmp_path / 'g' / 'a.mat', GREY > 9, GREY[:, :2] > 9),
    )
    with pytest.raises(DatasetError, match=r'p/a\.png has the size 2x3.*2x2'):
        pair.read()


def test_maps_are_paired_by_stem(tmp_path: Path) -> None:
    for name in ('b.png', 'a.npy', 'extra.png', '.hidden.png', 'notes.txt'):
        if name != 'notes.txt':
            write(tmp_path / 'p' / name, GREY)
    (tmp_path / 'p' / 'notes.txt').write_text('mine')
    for name in ('a.png', 'b.png'):
        write(tmp_path / 'g' / name, GREY)
    pairs, unused = pair_maps(tmp_path / 'p', tmp_path / 'g')
    assert [(p.prediction.name, p.label.name) for p in pairs] == [
        ('a.npy', 'a.png'),
        ('b.png', 'b.png'),
    ]
    assert unused == ['extra']
    pairs, unused = pair_maps(tmp_path / 'p', tmp_path / 'g', ids=['b'])
    assert [p.label.stem for p in pairs] == ['b']
    assert unused == ['a', 'extra']


def test_bad_folders(tmp_path: Path) -> None:
    good = write(tmp_path / 'g' / 'a.png', GREY).parent
    (tmp_path / 'empty').mkdir()
    with pytest.raises(DatasetError, match='nowhere is no folder'):
        pair_maps(tmp_path / 'nowhere', good)
    with pytest.raises(DatasetError, match=r'empty holds no \.png'):
        pair_maps(tmp_path / 'empty', good)
    predictions = write(tmp_path / 'p' / 'b.png', GREY).parent
    with pytest.raises(DatasetError, match='p has no map for a'):
        pair_maps(predictions, good)
    with pytest.raises(DatasetError, match='g has no map for c'):
        pair_maps(predictions, good, ids=['c'])
    write(tmp_path / 'p' / 'b.npy', GREY)
    with pytest.raises(DatasetError, match=r'b\.npy and b\.png have the same'):
        pair_maps(predictions, good)
