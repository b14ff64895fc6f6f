from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from mmmtl.geometry.point_cloud import Lens
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
    assert '--fov without --point-cloud' in done.err


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


def test_all_is_refused_before_a_model_is_opened(
    mmmtl: Callable, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def opened(*args: object, **options: object) -> None:
        raise AssertionError

    monkeypatch.setattr('mmmtl.apis.open_model', opened)
    for name in ('DISPLAY', 'WAYLAND_DISPLAY'):
        monkeypatch.delenv(name, raising=False)
    clip = write_clip(tmp_path / 'clip.mp4', [20, 90])
    photo, bad = tmp_path / 'photo.png', tmp_path / 'bad.avi'
    cv2.imwrite(str(photo), np.zeros((8, 8, 3), np.uint8))
    bad.write_bytes(b'nothing')
    out, page = ('--out-dir', tmp_path / 'out'), ('--gallery', 'out.html')
    for words, said in (
        ((clip, tmp_path / 'typo.jpg', *out), 'no such picture'),
        ((photo, tmp_path / 'typo.mp4', *out), 'typo.mp4'),
        ((bad, *out), 'gives no frame'),
        ((clip, *out, *page), '--gallery without pictures'),
        ((clip, *out, '--resume'), '--resume without pictures'),
        (
            (photo, *out, '--stabilise', '0.5', '--max-frames', '2'),
            '--stabilise, --max-frames without a video',
        ),
        ((photo, *out, '--tile-overlap', '9'), 'without --tile'),
        ((photo, *out, '--far', '8'), '--far without --point-cloud'),
        ((clip, *page), 'give --out-dir'),
        ((photo,), 'give --out-dir, --gallery'),
        ((photo, *out, '--show'), 'no screen'),
    ):
        done = mmmtl('predict', 'rooms-lite0', *words)
        assert done.code == 2
        assert said in done.err, words
    assert not (tmp_path / 'out').exists()


def test_every_option_arrives(
    mmmtl: Callable, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    calls: dict[str, Any] = {}

    class Model:
        def stream(self, pictures: list[str], **options: Any) -> list[int]:
            calls['stream'] = pictures, options
            return [1, 2, 3]

    def opened(model: str, **options: Any) -> Model:
        calls['open'] = options
        return Model()

    def videos(model: Model, source: str, **options: Any) -> int:
        calls.setdefault('videos', []).append((source, options))
        return 7

    monkeypatch.setattr('mmmtl.apis.open_model', opened)
    monkeypatch.setattr('mmmtl.apis.predict_video', videos)
    monkeypatch.setenv('DISPLAY', ':0')
    photo = tmp_path / 'photo.png'
    cv2.imwrite(str(photo), np.zeros((8, 8, 3), np.uint8))
    clips = [str(tmp_path / folder / 'clip.mp4') for folder in ('a', 'b')]
    for clip in clips:
        Path(clip).parent.mkdir()
        write_clip(Path(clip), [20, 90])
    done = mmmtl(
        *('predict', 'rooms-lite0', photo, tmp_path / '*' / 'clip.mp4'),
        *('--out-dir', tmp_path / 'out', '--tasks', 'depth', '--save-maps'),
        *('--tile', '64', '--tile-overlap', '9', '--batch-size', '3'),
        *('--point-cloud', '--fov', '70', '--far', '8', '--resume', '--show'),
        *('--stabilise', '0.5', '--max-frames', '5', '--device', 'cpu'),
    )
    assert done.code == 0, done.err
    shared = dict(
        out_dir=tmp_path / 'out',
        tasks=('depth',),
        save_maps=True,
        tile=(64,),
        tile_overlap=9,
        batch_size=3,
        point_cloud=Lens(fov=70),
        far=8,
        show=True,
    )
    assert calls['open']['device'] == 'cpu'
    pictures, options = calls['stream']
    assert pictures == [str(photo)]
    own = dict(resume=True, share=(0, 1), gallery=None)
    assert {key: options[key] for key in (*shared, *own)} == shared | own
    names = ['clip', 'clip_2']
    for clip, name, call in zip(clips, names, calls['videos'], strict=True):
        own = dict(name=name, stabilise=0.5, max_frames=5)
        assert call == (clip, shared | own)


def test_processes_share_the_videos(
    mmmtl: Callable, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    found: list[str] = []
    monkeypatch.setattr(
        'mmmtl.apis.open_model', lambda *_, **options: found.append(options)
    )
    monkeypatch.setattr(
        'mmmtl.apis.predict_video',
        lambda _, source, **__: found.append(source),
    )
    monkeypatch.setattr(
        'mmmtl.engine.distributed.launched_share', lambda: (1, 2)
    )
    monkeypatch.setattr(
        'mmmtl.engine.distributed.launched_device', lambda: 'cuda:1'
    )
    clips = [write_clip(tmp_path / f'{n}.mp4', [20, 90]) for n in 'abcd']
    done = mmmtl('predict', 'rooms-lite0', *clips, '--out-dir', tmp_path / 'o')
    assert done.code == 0, done.err
    assert found[0]['device'] == 'cuda:1'
    assert found[1:] == [str(clips[1]), str(clips[3])]
