"""Array files: what is read, and what is refused by name."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import ExifTags, Image

from mmmtl.errors import UnreadableFileError
from mmmtl.io.arrays import check_array, read_array, read_mat, write_mat


def test_pictures_and_arrays_are_read_as_stored(tmp_path: Path) -> None:
    grey = np.uint16([[1, 65535]])
    Image.fromarray(grey).save(tmp_path / 'grey.png')
    np.testing.assert_array_equal(read_array(tmp_path / 'grey.png'), grey)
    one_bit = Image.fromarray(np.uint8([[0, 255]])).convert('1')
    one_bit.save(tmp_path / 'bits.png')
    assert read_array(tmp_path / 'bits.png').tolist() == [[0, 255]]
    np.save(tmp_path / 'a.npy', np.float64([[0.5]]))
    assert read_array(tmp_path / 'a.npy').tolist() == [[0.5]]


@pytest.mark.parametrize('orientation', [1, 6])
@pytest.mark.parametrize('suffix', ['.png', '.tif', '.ppm'])
def test_colours_of_16_bits_are_read_as_stored(
    tmp_path: Path, suffix: str, orientation: int
) -> None:
    stored = np.uint16([[[5000, 7, 65535], [256, 0, 1]]])
    path = tmp_path / f'a{suffix}'
    cv2.imwrite(str(path), stored[..., ::-1])
    if orientation != 1 and suffix == '.png':
        data = path.read_bytes()
        path.write_bytes(data[:33] + exif_chunk(orientation) + data[33:])
        stored = np.rot90(stored, -1)  # 6: to be turned clockwise
    found = read_array(path)
    assert found.dtype == np.uint16
    np.testing.assert_array_equal(found, stored)
    if suffix == '.png':
        opacity = np.full((1, 2, 1), 65535, np.uint16)
        picture = np.concatenate([np.uint16([[[1, 2, 3]] * 2]), opacity], 2)
        cv2.imwrite(str(path), picture)
        assert read_array(path).tolist() == [[[3, 2, 1]] * 2]


def exif_chunk(orientation: int) -> bytes:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    content = b'eXIf' + exif.tobytes().removeprefix(b'Exif\0\0')
    size = len(content) - 4
    return (
        struct.pack('>I', size)
        + content
        + struct.pack('>I', zlib.crc32(content))
    )


def test_the_bytes_of_a_mat_file_depend_on_its_content_only(
    tmp_path: Path,
) -> None:
    for name in ('one', 'two'):
        write_mat(tmp_path / name, 'LabelMap', np.uint16([[7, 8]]))
    assert read_mat(tmp_path / 'one', 'LabelMap').tolist() == [[7, 8]]
    content = (tmp_path / 'one').read_bytes()
    assert content == (tmp_path / 'two').read_bytes()
    # Date and platform would stand in the first 116 bytes.
    assert content[:116].rstrip() == b'MATLAB 5.0 MAT-file, written by mmmtl'
    (tmp_path / 'one').write_bytes(content[:150])
    with pytest.raises(UnreadableFileError, match='may be truncated'):
        read_mat(tmp_path / 'one', 'LabelMap')


@pytest.mark.parametrize(
    ('stored', 'types', 'channels', 'fits'),
    [
        (np.zeros((2, 3), np.uint8), np.uint8, None, True),
        (np.zeros((2, 3), np.uint16), np.uint8, None, False),
        (np.zeros((2, 3), np.int32), (np.integer, np.floating), None, True),
        (np.zeros((2, 3), bool), np.integer, None, False),
        (np.zeros((2, 3, 3), np.uint8), np.uint8, 3, True),
        (np.zeros((2, 3, 4), np.uint8), np.uint8, 3, False),
        (np.zeros((2, 3, 3), np.uint8), np.uint8, None, False),
        (np.zeros((2, 3), np.uint8), np.uint8, 3, False),
        (np.zeros(3, np.uint8), np.uint8, None, False),
        (np.uint8(3), np.uint8, None, False),
    ],
)
def test_another_kind_of_map_is_refused(
    stored: np.ndarray, types: object, channels: int | None, fits: bool
) -> None:
    if fits:
        check_array(stored, 'maps', types, channels=channels)
        return
    with pytest.raises(ValueError, match=r'^is .*: write maps$'):
        check_array(stored, 'maps', types, channels=channels)
