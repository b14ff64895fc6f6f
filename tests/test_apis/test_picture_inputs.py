from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from mmcv.transforms import LoadImageFromFile
from PIL import Image

from mmmtl.apis import pictures
from mmmtl.apis.pictures import (
    PicturePipeline,
    collect_pictures,
    is_single,
    read_picture,
)
from mmmtl.errors import UserError
from mmmtl.io.web import is_url
from tests.file_server import FileServer, serve_files


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ('b.png', 'a.JPG', 'a.png', 'notes.txt'):
        (tmp_path / name).touch()
    (tmp_path / 'below.png').mkdir()
    (tmp_path / 'below.png' / 'c.png').touch()
    return tmp_path


def test_folder_gives_its_pictures_in_order_with_names_of_their_own(
    folder: Path,
) -> None:
    found = [(p.name, p.path.name) for p in collect_pictures(folder)]
    assert found == [('a', 'a.JPG'), ('a_2', 'a.png'), ('b', 'b.png')]


def test_hidden_files_must_be_named(folder: Path) -> None:
    """A Mac leaves ``._a.png``, a killed writer ``.a.1-2.partial.png``."""
    hidden = folder / '._b.png'
    hidden.touch()
    assert [p.name for p in collect_pictures(folder)] == ['a', 'a_2', 'b']
    with pytest.raises(ValueError, match='no picture matches'):
        collect_pictures(folder / '.*')
    assert [p.path for p in collect_pictures(hidden)] == [hidden]


def test_lists_mix_files_folders_and_arrays(folder: Path) -> None:
    array = np.zeros((2, 3, 3), np.uint8)
    found = collect_pictures([array, folder / 'below.png', str(folder), array])
    names = [picture.name for picture in found]
    assert names == ['array', 'c', 'a', 'a_2', 'b', 'array_2']


def test_patterns_reach_into_folders_and_keep_names_apart(
    tmp_path: Path,
) -> None:
    root = tmp_path / 'photos'
    for name in ('a/x.jpg', 'b/x.jpg', 'b/c/x.png', 'y.JPG', 'b/n.txt'):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()

    def names(pattern: str) -> list[str]:
        return [p.name for p in collect_pictures(f'{root}/{pattern}')]

    assert names('**/*') == ['a/x', 'b/c/x', 'b/x', 'y']
    assert names('**/*.jpg') == ['a/x', 'b/x']
    assert names('b/*') == ['x']
    assert names('*/x.[jp]*g') == ['a/x', 'b/x']
    assert not is_single(f'{root}/**/*')
    with pytest.raises(ValueError, match=r'no picture matches .*\.bmp'):
        collect_pictures(root / '*.bmp')
    # A folder stays flat, and a name that looks like a pattern is a name.
    assert [p.name for p in collect_pictures(root)] == ['y']
    (root / 'room[1].png').touch()
    (found,) = collect_pictures(str(root / 'room[1].png'))
    assert found.name == 'room[1]'
    assert is_single(root / 'room[1].png')


@pytest.mark.parametrize(
    ('given', 'expected'),
    [
        (np.full((2, 3), 7, np.uint8), (7, 7, 7)),
        (np.full((2, 3, 1), 7, np.uint8), (7, 7, 7)),
        (np.full((2, 3, 4), (1, 2, 3, 9), np.uint8), (1, 2, 3)),
    ],
)
def test_arrays_become_three_channels(
    given: np.ndarray, expected: tuple
) -> None:
    (picture,) = collect_pictures(given)
    assert (picture.array == np.full((2, 3, 3), expected)).all()


@pytest.mark.parametrize(
    ('given', 'message'),
    [
        (np.zeros((2, 3, 3)), 'float64'),
        (np.zeros((2, 3, 5), np.uint8), r'\(2, 3, 5\)'),
    ],
)
def test_what_is_no_picture_is_refused(given: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        collect_pictures(given)


def test_paths_that_give_no_picture_are_refused(folder: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r'none\.png'):
        collect_pictures([folder / 'a.png', folder / 'none.png'])
    (folder / 'empty').mkdir()
    with pytest.raises(ValueError, match='empty has no pictures'):
        collect_pictures(folder / 'empty')


def test_single_inputs_are_told_from_several(folder: Path) -> None:
    assert is_single(str(folder / 'a.png'))
    assert is_single(np.zeros((2, 2), np.uint8))
    assert not is_single(folder)
    assert not is_single([folder / 'a.png'])


PIXELS = np.random.default_rng(0).integers(256, size=(3, 5, 3), dtype='u1')


@pytest.fixture
def server() -> Iterator[FileServer]:
    with serve_files() as server:
        yield server


def png(pixels: np.ndarray) -> bytes:
    return cv2.imencode('.png', pixels)[1].tobytes()


def test_urls_are_pictures(server: FileServer) -> None:
    """Each is read when it is its turn, and called like its file."""
    urls = [
        server.add('/a/room.png?size=1', png(PIXELS)),
        server.add('/b/room.png', png(PIXELS[::-1])),
        server.add('/', png(PIXELS[:, ::-1])),
    ]
    found = collect_pictures(urls)
    assert [picture.name for picture in found] == ['room', 'room_2', 'picture']
    assert not server.asked
    wanted = (PIXELS, PIXELS[::-1], PIXELS[:, ::-1])
    for picture, want in zip(found, wanted, strict=True):
        image = read_picture(picture, LoadImageFromFile())
        np.testing.assert_array_equal(image, want)
    assert is_single(urls[0])
    assert not is_single(urls)


def test_a_text_that_only_begins_as_a_url_is_refused() -> None:
    with pytest.raises(UserError, match=r'http://\[::1 is no URL: Invalid'):
        collect_pictures('http://[::1')
    assert not is_url('//[::1')  # a path


def test_urls_that_give_no_picture(
    server: FileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(url: str, text: str) -> None:
        (picture,) = collect_pictures(url)
        with pytest.raises(ValueError, match=text) as caught:
            read_picture(picture, LoadImageFromFile())
        assert url in str(caught.value)
        assert '\n' not in str(caught.value)

    refuse(server.add('/page.png', b'<html>'), 'cannot read http.* as a pict')
    url = server.add('/room.png', png(PIXELS))
    refuse('http://127.0.0.1:1/x.png', 'cannot download .*refused')
    server.cut = 4
    refuse(url, r'cannot download .*: it ended after \d+ of \d+ bytes')
    server.cut = 0
    monkeypatch.setattr(pictures, 'URL_LIMIT', len(png(PIXELS)) - 1)
    refuse(url, 'it has more than')


@pytest.mark.parametrize(
    ('mode', 'want'),
    [
        ('RGB', PIXELS[..., ::-1]),
        ('RGBA', PIXELS[..., ::-1]),
        ('L', PIXELS[..., :1].repeat(3, -1)),
    ],
)
def test_pictures_of_pillow(mode: str, want: np.ndarray) -> None:
    given = Image.fromarray(PIXELS[..., 0] if mode == 'L' else PIXELS)
    given = given.convert(mode)
    (picture,) = collect_pictures(given)
    assert picture.name == 'picture'
    np.testing.assert_array_equal(picture.array, want)
    assert is_single(given)


def test_pictures_of_pillow_are_turned_upright_as_files_are(
    tmp_path: Path,
) -> None:
    given = Image.fromarray(PIXELS)
    exif = given.getexif()
    exif[0x0112] = 6  # a quarter turn
    given.save(tmp_path / 'x.png', exif=exif)
    with Image.open(tmp_path / 'x.png') as opened:
        (picture,) = collect_pictures(opened)
    want = np.rot90(PIXELS[..., ::-1], -1)
    np.testing.assert_array_equal(picture.array, want)
    (file,) = collect_pictures(tmp_path / 'x.png')
    image = read_picture(file, LoadImageFromFile())
    np.testing.assert_array_equal(image, want)


def test_a_picture_of_16_bits_is_refused() -> None:
    deep = Image.fromarray(np.full((2, 3), 40_000, np.uint16))
    with pytest.raises(ValueError, match=r'mode I;16 has no 8 bits'):
        collect_pictures(deep)


def test_a_side_that_would_shrink_to_nothing_is_one_line() -> None:
    steps = [
        dict(type='LoadImageFromFile'),
        dict(type='Resize', scale=(64, 64), keep_ratio=True),
        dict(type='PackMultiTaskInputs'),
    ]
    pipeline = PicturePipeline(dict(test_pipeline=steps))
    (strip,) = collect_pictures(np.zeros((3, 3000, 3), np.uint8))
    with pytest.raises(ValueError, match='3000 x 3 pixels cannot be brought'):
        pipeline(strip)


@pytest.mark.parametrize('source', ['clip.mp4', 'camera:0'])
def test_videos_are_sent_elsewhere(source: str) -> None:
    with pytest.raises(ValueError, match='predict_video takes those'):
        collect_pictures(source)
