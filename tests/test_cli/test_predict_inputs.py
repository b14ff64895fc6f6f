from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from mmmtl.io.video import open_video
from tests.test_apis.conftest import pixel_config, state, weights
from tests.video_clip import write_clip

__all__ = ['pixel_config', 'state', 'weights']


def test_the_camera_of_point_clouds_is_said(
    mmmtl: Callable, pixel_config: Path, weights: Path, tmp_path: Path
) -> None:
    photo, out = tmp_path / 'photo.png', tmp_path / 'out'
    cv2.imwrite(str(photo), np.full((8, 8, 3), 50, np.uint8))
    command = (
        *('predict', weights, photo, '--config', pixel_config),
        *('--out-dir', out, '--device', 'cpu'),
    )
    done = mmmtl(*command, '--point-cloud')
    assert done.code == 0, done.err
    assert 'point clouds: horizontal field of view of 60 deg' in done.out
    camera = ('--intrinsics', '8', '8', '3.5', '3.5')
    done = mmmtl(*command, '--point-cloud', *camera, '--tile', '4', '6')
    assert done.code == 0, done.err
    header = (out / 'photo.ply').read_bytes().partition(b'end_header')[0]
    assert b'element vertex 64' in header
    assert b'intrinsics as given: fx=8 fy=8 cx=3.5 cy=3.5' in header
    done = mmmtl(*command, '--fov', '70')
    assert done.code == 2
    assert 'are of --point-cloud' in done.err


@pytest.mark.parametrize(('processes', 'code'), [(1, 1), (2, 0)])
def test_a_broken_picture_does_not_end_a_folder(
    mmmtl: Callable,
    pixel_config: Path,
    weights: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    processes: int,
    code: int,
) -> None:
    """The exit code tells, unless torchrun would end the others by it."""
    monkeypatch.setattr(
        'mmmtl.engine.distributed.launched_share', lambda: (0, processes)
    )
    folder, out = tmp_path / 'photos', tmp_path / 'out'
    folder.mkdir()
    for name in 'abc':
        cv2.imwrite(str(folder / f'{name}.png'), np.zeros((8, 8, 3), np.uint8))
    (folder / 'a.png').write_bytes(b'nothing')
    done = mmmtl(
        *('predict', weights, folder, '--config', pixel_config),
        *('--out-dir', out, '--device', 'cpu'),
    )
    assert done.code == code
    pages = ['b', 'c'] if processes == 1 else ['c']
    assert f'{len(pages)} page(s) written to {out}' in done.out
    assert sorted(path.stem for path in out.glob('*.png')) == pages
    said = done.err.splitlines()[-1]
    assert f'cannot read {folder / "a.png"} as a picture' in said
    assert said.startswith('process 0: ') == (processes == 2)


def test_commands_take_pictures_and_videos(
    mmmtl: Callable, pixel_config: Path, weights: Path, tmp_path: Path
) -> None:
    clip = write_clip(tmp_path / 'clip.mp4', [20, 90, 160])
    photo = tmp_path / 'photo.png'
    cv2.imwrite(str(photo), np.zeros((8, 8, 3), np.uint8))
    out = tmp_path / 'out'
    done = mmmtl(
        *('predict', weights, photo, clip, '--config', pixel_config),
        *('--out-dir', out, '--max-frames', '2', '--tile', '16'),
        *('--device', 'cpu'),
    )
    assert done.code == 0, done.err
    assert f'2 frame(s) written to {out}/clip.mp4' in done.out
    assert f'1 page(s) written to {out}' in done.out
    with open_video(out / 'clip.mp4') as video:
        assert len(list(video.frames)) == 2
    (tmp_path / 'bad.mp4').write_bytes(b'nothing')
    done = mmmtl(
        *('predict', weights, tmp_path / 'bad.mp4', '--out-dir', out),
        *('--config', pixel_config, '--device', 'cpu'),
    )
    assert done.code == 2
    assert 'bad.mp4 gives no frame' in done.err.splitlines()[-1]
