"""The renderer's command line, as users call it."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
TOOL = ROOT / 'tools' / 'dataset_converters' / 'rooms.py'


def command(
    out: Path, *more: object, train: int = 4, size: int = 24
) -> list[str]:
    numbers = ['--num-train', train, '--num-val', 2, '--seed', 1]
    call = [sys.executable, TOOL, out, '--layout', 'nyud', *numbers]
    return [str(a) for a in [*call, '--size', size, size, *more]]


def run(
    out: Path, *more: object, train: int = 4
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(out, *more, train=train),
        capture_output=True,
        text=True,
        cwd='/',
        timeout=120,
    )


def files(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob('*')
        if path.is_file()
    }


def test_bytes_do_not_depend_on_the_number_of_workers(tmp_path: Path) -> None:
    for workers in (1, 2):
        done = run(tmp_path / str(workers), '--workers', workers)
        assert done.returncode == 0, done.stderr
    one, two = files(tmp_path / '1'), files(tmp_path / '2')
    assert len(one) == 6 * 5 + 3
    assert one == two
    assert sorted(p.name for p in tmp_path.iterdir()) == ['1', '2']


def test_repeating_a_finished_call_says_so_and_succeeds(
    tmp_path: Path,
) -> None:
    out = tmp_path / 'rooms'
    assert run(out, '--workers', 1).returncode == 0
    again = run(out, '--workers', 1)
    assert again.returncode == 0
    assert 'already holds exactly these rooms' in again.stdout
    other = run(out, '--workers', 1, train=5)
    assert other.returncode == 1
    assert 'remove it or name another folder' in other.stderr


def test_a_folder_with_other_things_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / 'notes.txt').write_text('mine')
    done = run(tmp_path)
    assert done.returncode == 1
    assert str(tmp_path) in done.stderr
    assert 'Traceback' not in done.stderr
    assert files(tmp_path) == {'notes.txt': b'mine'}


def test_bad_numbers_are_one_line(tmp_path: Path) -> None:
    done = run(tmp_path / 'rooms', '--workers', 0)
    assert done.returncode == 1
    assert done.stderr == 'rooms.py: 0 workers: give 1 or more\n'
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize('more', [['--motion', 2], ['--grain'], ['--mp4']])
def test_what_is_for_a_clip_needs_one(tmp_path: Path, more: list) -> None:
    done = run(tmp_path / 'rooms', *more)
    assert done.returncode == 2
    assert '--motion, --grain and --mp4 are for a --clip' in done.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize('motion', ['nan', '-1', 'inf'])
def test_a_motion_is_a_number_from_0(tmp_path: Path, motion: str) -> None:
    call = [sys.executable, str(TOOL), str(tmp_path / 'clip')]
    call += ['--clip', '2', f'--motion={motion}']
    done = subprocess.run(call, capture_output=True, text=True, cwd='/')
    assert done.returncode == 1
    assert done.stderr == (
        f'rooms.py: motion {float(motion)}: give 0, which stands still, or '
        'more\n'
    )
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize('stop', [signal.SIGINT, signal.SIGTERM])
def test_stopping_leaves_nothing_behind(tmp_path: Path, stop: int) -> None:
    out = tmp_path / 'rooms'
    call = command(out, '--workers', 2, train=3000, size=64)
    with subprocess.Popen(
        call, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as process:
        deadline = time.monotonic() + 60
        while not list(tmp_path.glob('.rooms.*/images/*.png')):
            assert time.monotonic() < deadline, 'nothing was rendered'
            assert process.poll() is None, process.stderr.read()
            time.sleep(0.05)
        os.kill(process.pid, stop)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == (130 if stop == signal.SIGINT else 143)
    assert 'Traceback' not in errors
    assert not list(tmp_path.iterdir())


def test_a_copy_outside_the_checkout_uses_the_installed_package(
    tmp_path: Path,
) -> None:
    copy = tmp_path / 'tools' / 'dataset_converters' / 'rooms.py'
    copy.parent.mkdir(parents=True)
    copy.write_bytes(TOOL.read_bytes())
    # -S leaves site-packages out, where mmmtl may be installed.
    call = [sys.executable, '-S', str(copy), '--help']
    paths = [ROOT, Path(np.__file__).parents[1]]
    environ = {'PYTHONPATH': os.pathsep.join(map(str, paths))}
    done = subprocess.run(
        call, capture_output=True, text=True, env=environ, cwd='/'
    )
    assert done.returncode == 0, done.stderr
    assert '--num-train' in done.stdout


def test_the_tool_does_not_load_torch() -> None:
    code = (
        'import runpy, sys; runpy.run_path(sys.argv[1]); '
        'print(sorted({"torch", "mmseg", "mmengine"} & set(sys.modules)))'
    )
    done = subprocess.run(
        [sys.executable, '-c', code, str(TOOL)],
        capture_output=True,
        text=True,
        cwd='/',
        timeout=60,
    )
    assert done.stdout == '[]\n', done.stderr


def test_a_clip_has_poses_and_is_read_like_a_data_set(tmp_path: Path) -> None:
    out = tmp_path / 'clip'
    call = [sys.executable, str(TOOL), str(out), '--layout', 'all_tasks']
    call += ['--clip', '3', '--size', '24', '32', '--workers', '1', '--mp4']
    for said in ('3 rooms written', 'already holds'):
        done = subprocess.run(call, capture_output=True, text=True, cwd='/')
        assert done.returncode == 0, done.stderr
        assert said in done.stdout
    poses = json.loads((out / 'poses.json').read_text())
    names = (out / 'val.txt').read_text().split()
    assert (
        names
        == list(poses['camera_to_world'])
        == ['000001', '000002', '000003']
    )
    pose = np.array(poses['camera_to_world']['000002'])
    np.testing.assert_allclose(
        pose[:3, :3] @ pose[:3, :3].T, np.eye(3), atol=1e-9
    )
    depths = [
        np.asarray(Image.open(out / f'depth/{name}.png')) for name in names
    ]
    assert 0 < abs(np.float32(depths[2]) - depths[0]).mean() < 200  # mm
    film = cv2.VideoCapture(str(tmp_path / 'clip.mp4'))
    assert int(film.get(cv2.CAP_PROP_FRAME_COUNT)) == 3
    shown = film.read()[1][..., ::-1]
    picture = np.asarray(Image.open(out / 'image/000001.png'))
    assert abs(np.float32(shown) - picture).mean() < 12
