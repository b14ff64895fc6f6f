from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from mmmtl.io.video import open_video
from tests.test_apis.conftest import pixel_config, state, weights
from tests.video_clip import write_clip

__all__ = ['pixel_config', 'state', 'weights']


def test_commands_take_pictures_and_videos(
    mmmtl: Callable, pixel_config: Path, weights: Path, tmp_path: Path
) -> None:
    clip = write_clip(tmp_path / 'clip.mp4', [20, 90, 160])
    photo = tmp_path / 'photo.png'
    cv2.imwrite(str(photo), np.zeros((8, 8, 3), np.uint8))
    out = tmp_path / 'out'
    done = mmmtl(
        *('predict', weights, photo, clip, '--config', pixel_config),
        *('--out-dir', out, '--max-frames', '2', '--device', 'cpu'),
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
