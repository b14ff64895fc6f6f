from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch

from mmmtl.apis import MultiTaskInferencer, predict_video
from mmmtl.apis.video import RunningRanges
from mmmtl.errors import UserError
from mmmtl.io.video import open_video
from mmmtl.structures import MultiTaskDataSample
from mmmtl.visualization.picture_grid import GridLayout
from tests.video_clip import write_clip


@pytest.fixture
def inferencer(pixel_config: Path, weights: Path) -> MultiTaskInferencer:
    return MultiTaskInferencer(pixel_config, weights, device='cpu')


def read(path: Path) -> list[np.ndarray]:
    with open_video(path) as video:
        return list(video.frames)


def test_every_frame_becomes_a_page_at_the_same_rate(
    inferencer: MultiTaskInferencer, tmp_path: Path
) -> None:
    levels = [20, 90, 160, 230, 120]
    clip = write_clip(tmp_path / 'clip.mp4', levels, (128, 160), rate=8)
    out = tmp_path / 'out'
    count = predict_video(
        inferencer, clip, out_dir=out, save_maps=True, batch_size=2
    )
    assert count == 5
    with open_video(out / 'clip.mp4') as video:
        assert video.rate == 8
        pages = list(video.frames)
    # The picture, four tasks, and the legend of the classes.
    layout = GridLayout((128, 160))
    assert pages[0].shape[:2] == layout.page(1, 6)
    y, x = layout.corner(0, 0)
    for page, level in zip(pages, levels, strict=True):
        shown = page[y + 8 : y + 120, x + 8 : x + 150]
        assert shown.mean() == pytest.approx(level, abs=8)
    for number, level in enumerate(levels):
        depth = np.load(out / f'maps/depth/clip_{number:06d}.npy')
        np.testing.assert_allclose(depth, level / 50, atol=0.1)
    files = {path.name for path in out.iterdir()}
    assert files == {'clip.mp4', 'maps'}


def test_ranges_follow_slowly() -> None:
    """One step of 1 / rate towards the new frame's own ends."""

    def sample(scale: float) -> MultiTaskDataSample:
        sample = MultiTaskDataSample()
        depth = np.linspace(0, 1, 10_001, dtype=np.float32)[1:] * scale
        sample.set_pred('depth', torch.from_numpy(depth.reshape(1, 100, 100)))
        normals = np.zeros((3, 100, 100), np.float32)
        sample.set_pred('normals', torch.from_numpy(normals))
        return sample

    ranges = RunningRanges(rate=5)
    tasks = ('depth', 'normals')
    first = ranges.follow(sample(1), tasks)
    assert list(first) == ['depth']  # directions have fixed colours
    assert first['depth'] == pytest.approx((0.02, 0.98), abs=1e-3)
    # A fifth of the way from 0.98 to 9.8.
    second = ranges.follow(sample(10), tasks)
    assert second['depth'] == pytest.approx((0.056, 2.744), abs=1e-2)
    for _ in range(60):
        last = ranges.follow(sample(10), tasks)
    assert last['depth'] == pytest.approx((0.2, 9.8), abs=1e-2)


class FakeCamera:
    """Frames without end."""

    def __init__(self, number: int) -> None:
        assert number == 3
        self.given = 0

    def get(self, what: int) -> float:
        return {cv2.CAP_PROP_FPS: 0.0}.get(what, -1.0)

    def read(self) -> tuple[bool, np.ndarray]:
        self.given += 1
        return True, np.full((32, 48, 3), 50, np.uint8)

    def release(self) -> None:
        pass


@pytest.fixture
def camera(monkeypatch: pytest.MonkeyPatch) -> None:
    real = cv2.VideoCapture

    def capture(source: int | str, *backend: int) -> Any:
        is_number = isinstance(source, int)
        return FakeCamera(source) if is_number else real(source, *backend)

    monkeypatch.setattr(cv2, 'VideoCapture', capture)


def stops(
    monkeypatch: pytest.MonkeyPatch, how: str, after: int
) -> dict[str, Any]:
    """Options and fakes by which a camera ends after so many frames."""
    if how == 'max_frames':
        return dict(max_frames=after)
    shown: list[tuple] = []
    monkeypatch.setattr(
        cv2, 'imshow', lambda name, page: shown.append(page.shape)
    )

    def wait(milliseconds: int) -> int:
        assert milliseconds == 1
        if len(shown) < after:
            return -1
        if how == 'q':
            return ord('q')
        raise KeyboardInterrupt

    monkeypatch.setattr(cv2, 'waitKey', wait)
    return dict(show=True)


@pytest.mark.usefixtures('camera')
@pytest.mark.parametrize('how', ['max_frames', 'q', 'ctrl-c'])
def test_a_camera_is_recorded_until_it_is_ended(
    inferencer: MultiTaskInferencer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    how: str,
) -> None:
    options = stops(monkeypatch, how, after=3)
    predict_video(inferencer, 'camera:3', out_dir=tmp_path, **options)
    with open_video(tmp_path / 'camera_3.mp4') as video:
        assert video.rate == 25
        assert len(list(video.frames)) == 3


@pytest.mark.usefixtures('camera')
def test_ctrl_c_within_a_write_keeps_the_recording(
    inferencer: MultiTaskInferencer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The frame is written, and not counted."""
    written = []

    class Writer:
        def __init__(self) -> None:
            self.own = own()

        def __getattr__(self, name: str) -> Any:
            return getattr(self.own, name)

        def write(self, picture: np.ndarray) -> None:
            self.own.write(picture)
            written.append(picture)
            if len(written) == 3:
                raise KeyboardInterrupt

    own = cv2.VideoWriter
    Writer.fourcc = own.fourcc
    monkeypatch.setattr(cv2, 'VideoWriter', Writer)
    predict_video(inferencer, 'camera:3', out_dir=tmp_path, max_frames=9)
    with open_video(tmp_path / 'camera_3.mp4') as video:
        assert len(list(video.frames)) == 3


def test_colours_follow_the_frames_slowly(
    inferencer: MultiTaskInferencer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clip = write_clip(tmp_path / 'clip.mp4', [50, 200], rate=10)
    painted = []
    draw = inferencer.visualizer.draw
    monkeypatch.setattr(
        inferencer.visualizer,
        'draw',
        lambda *args, **options: (
            painted.append(options['ranges']['depth'])
            or draw(*args, **options)
        ),
    )
    predict_video(inferencer, clip, out_dir=tmp_path / 'out')
    first, second = (np.mean(ends) for ends in painted)
    # A tenth of the way from a depth of 1 to one of 4.
    assert second - first == pytest.approx(0.3, abs=0.05)


def test_ctrl_c_leaves_nothing_of_a_file(
    inferencer: MultiTaskInferencer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clip = write_clip(tmp_path / 'clip.mp4', [20, 90, 160])
    options = stops(monkeypatch, 'ctrl-c', after=2)
    out = tmp_path / 'out'
    with pytest.raises(KeyboardInterrupt):
        predict_video(inferencer, clip, out_dir=out, **options)
    assert list(out.iterdir()) == []


def test_frames_are_streamed(
    inferencer: MultiTaskInferencer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """No frame is read before the one before it is written."""
    clip = write_clip(tmp_path / 'clip.mp4', range(0, 240, 30))
    alive: list[int] = []
    read_frames = open_video.__wrapped__.__globals__['_frames']

    def counted(*args: Any) -> Iterator[np.ndarray]:
        for number, frame in enumerate(read_frames(*args)):
            alive.append(number)
            yield frame

    monkeypatch.setattr('mmmtl.io.video._frames', counted)
    seen = []
    draw = inferencer.visualizer.draw
    monkeypatch.setattr(
        inferencer.visualizer,
        'draw',
        lambda *args, **options: (
            seen.append(len(alive)) or draw(*args, **options)
        ),
    )
    predict_video(inferencer, clip, out_dir=tmp_path / 'out')
    assert seen == list(range(1, 9))


@pytest.mark.parametrize('option', ['batch_size', 'max_frames'])
def test_at_least_one_frame(
    inferencer: MultiTaskInferencer, tmp_path: Path, option: str
) -> None:
    clip = write_clip(tmp_path / 'clip.mp4', [20])
    with pytest.raises(UserError, match=f'{option}=0.*give 1 or more'):
        predict_video(inferencer, clip, out_dir=tmp_path, **{option: 0})


def test_a_video_is_not_written_over_itself(
    inferencer: MultiTaskInferencer, tmp_path: Path
) -> None:
    clip = write_clip(tmp_path / 'clip.mp4', [20])
    before = clip.read_bytes()
    with pytest.raises(UserError, match='would replace the input'):
        predict_video(inferencer, clip, out_dir=tmp_path)
    assert clip.read_bytes() == before


def test_the_end_of_a_cut_off_file_is_named(
    inferencer: MultiTaskInferencer,
    tmp_path: Path,
    capsys: pytest.CaptureFixture,
) -> None:
    """A header that promises more frames than follow."""
    clip = write_clip(tmp_path / 'clip.avi', [20] * 30, codec='MJPG')
    content = clip.read_bytes()
    clip.write_bytes(content[: len(content) // 2])
    count = predict_video(inferencer, clip, out_dir=tmp_path / 'out')
    assert 0 < count < 20
    assert len(read(tmp_path / 'out/clip.mp4')) == count
    said = capsys.readouterr().out
    assert f'{count} of 30 frames could be read' in said


def test_a_stabiliser_takes_flicker_away(
    inferencer: MultiTaskInferencer, tmp_path: Path
) -> None:
    levels = [100, 105] * 4
    clip = write_clip(tmp_path / 'clip.mp4', levels, (128, 160), rate=8)

    def spread(strength: float) -> float:
        out = tmp_path / str(strength)
        predict_video(
            inferencer,
            clip,
            out_dir=out,
            tasks=['depth'],
            save_maps=True,
            stabilise=strength,
        )
        maps = [np.load(path) for path in sorted(out.glob('maps/*/*.npy'))]
        assert len(maps) == len(levels)
        return float(np.abs(np.diff([m.mean() for m in maps])).mean())

    assert spread(0.7) < 0.6 * spread(0.0)


def test_what_no_stabiliser_allows(
    inferencer: MultiTaskInferencer, tmp_path: Path
) -> None:
    for options, said in (
        (dict(stabilise=1.0), 'stabilise=1.0'),
        (dict(stabilise=0.5, tile=64), 'one of the two'),
    ):
        with pytest.raises(UserError, match=said):
            predict_video(inferencer, 'no.mp4', out_dir=tmp_path, **options)
