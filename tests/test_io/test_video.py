from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mmmtl.errors import UserError
from mmmtl.io.video import is_video, new_video, open_video
from tests.video_clip import write_clip


@pytest.mark.parametrize(
    ('source', 'expected'),
    [
        ('clip.mp4', True),
        (Path('a/CLIP.MOV'), True),
        ('camera:0', True),
        ('camera:front', False),
        ('photo.jpg', False),
        ('http://host/clip.mp4', False),
        (np.zeros((2, 2, 3), np.uint8), False),
    ],
)
def test_videos_are_told_by_their_names(
    source: object, expected: bool
) -> None:
    assert is_video(source) == expected


@pytest.mark.parametrize(
    ('name', 'codec'), [('c.mp4', 'mp4v'), ('c.avi', 'MJPG')]
)
def test_frames_are_read_in_their_order(
    tmp_path: Path, name: str, codec: str
) -> None:
    path = write_clip(tmp_path / name, [20, 90, 160, 230], codec=codec)
    with open_video(path) as video:
        assert (video.rate, video.length) == (10.0, 4)
        means = [frame.mean() for frame in video.frames]
    np.testing.assert_allclose(means, [20, 90, 160, 230], atol=4)


def test_a_written_video_is_read_back_with_even_sides(tmp_path: Path) -> None:
    path = tmp_path / 'out' / 'new.mp4'
    with new_video(path, 12.5) as append:
        for level in (40, 200):
            picture = np.full((41, 63, 3), (level, 100, 30), np.uint8)
            append(picture)
        assert not path.exists()
    assert list(path.parent.iterdir()) == [path]
    with open_video(path) as video:
        frames = list(video.frames)
        assert video.rate == 12.5
    assert [frame.shape for frame in frames] == [(42, 64, 3)] * 2
    for frame, level in zip(frames, (40, 200), strict=True):
        middle = frame[:32, :48].mean((0, 1))[::-1]
        np.testing.assert_allclose(middle, (level, 100, 30), atol=6)


def test_an_error_leaves_no_video(tmp_path: Path) -> None:
    def stop() -> None:
        with new_video(tmp_path / 'new.mp4', 10) as append:
            append(np.zeros((20, 20, 3), np.uint8))
            raise KeyError

    with pytest.raises(KeyError):
        stop()
    assert list(tmp_path.iterdir()) == []


def test_a_video_without_frames_is_none(tmp_path: Path) -> None:
    with (
        pytest.raises(UserError, match='no frame to write'),
        new_video(tmp_path / 'new.mp4', 10),
    ):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_writer_that_loses_frames_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr('mmmtl.io.video._CODEC', 'nono')

    def write() -> None:
        with new_video(tmp_path / 'new.mp4', 10) as append:
            append(np.zeros((20, 20, 3), np.uint8))

    with pytest.raises(UserError, match='could not be written to its end'):
        write()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize('content', [None, b'', b'no video', 'half'])
def test_what_is_no_video_is_named(
    tmp_path: Path, content: object, capfd: pytest.CaptureFixture
) -> None:
    path = tmp_path / 'clip.mp4'
    if content == 'half':
        whole = write_clip(tmp_path / 'whole.mp4', [20, 90]).read_bytes()
        path.write_bytes(whole[: len(whole) // 2])
    elif content is not None:
        path.write_bytes(content)

    def read() -> None:
        with open_video(path) as video:
            next(video.frames)

    with pytest.raises(UserError, match=r'clip\.mp4'):
        read()
    assert capfd.readouterr().err == ''
