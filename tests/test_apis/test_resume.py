from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch

from mmmtl.apis import MultiTaskInferencer
from mmmtl.errors import UserError


@pytest.fixture
def inferencer(pixel_config: Path, weights: Path) -> MultiTaskInferencer:
    return MultiTaskInferencer(pixel_config, weights, device='cpu')


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / 'photos'
    for number, name in enumerate(('a/x', 'b/x', 'b/y', 'c/z')):
        path = folder / f'{name}.png'
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), np.full((6, 9, 3), 50 * number, np.uint8))
    return folder


def run(
    inferencer: MultiTaskInferencer, photos: Path, out: Path, **options: Any
) -> list[str]:
    """Names of the pictures that were predicted."""
    results = inferencer.stream(
        f'{photos}/**/*.png', out_dir=out, save_maps=True, **options
    )
    return [result.name for result in results]


ALL = ['a/x', 'b/x', 'b/y', 'c/z']


def test_each_process_takes_its_part_under_the_names_of_the_whole(
    inferencer: MultiTaskInferencer,
    photos: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture,
) -> None:
    out = tmp_path / 'out'
    assert run(inferencer, photos, out, share=(0, 3)) == ['a/x', 'c/z']
    assert '2/2' in capsys.readouterr().err
    assert run(inferencer, photos, out, share=(1, 3)) == ['b/x']
    assert run(inferencer, photos, out, share=(2, 3)) == ['b/y']
    assert capsys.readouterr().err == ''
    for number, name in enumerate(ALL):
        depth = np.load(out / f'maps/depth/{name}.npy')
        assert (depth == number).all()  # blue / 50
        assert cv2.imread(str(out / f'{name}.png')) is not None
    assert run(inferencer, photos, out, share=(5, 9)) == []


def test_what_is_complete_is_left_out(
    inferencer: MultiTaskInferencer, photos: Path, tmp_path: Path
) -> None:
    out = tmp_path / 'out'
    assert run(inferencer, photos, out, resume=True) == ALL
    assert run(inferencer, photos, out, resume=True, batch_size=3) == []
    (out / 'maps/depth/b/x.npy').unlink()
    (out / 'c/z.png').unlink()
    assert run(inferencer, photos, out, resume=True) == ['b/x', 'c/z']
    # A new picture joins; the pages of the others stay.
    cv2.imwrite(str(photos / 'd.png'), np.zeros((6, 9, 3), np.uint8))
    assert run(inferencer, photos, out, resume=True) == ['d']
    assert run(inferencer, photos, out, resume=True) == []
    # Processes share what is left as they share the whole.
    (out / 'b/x.png').unlink()
    assert run(inferencer, photos, out, resume=True, share=(0, 2)) == []
    assert run(inferencer, photos, out, resume=True, share=(1, 2)) == ['b/x']
    assert run(inferencer, photos, out) == [*ALL, 'd']


def test_pages_of_an_earlier_run_are_not_taken_for_done(
    inferencer: MultiTaskInferencer, photos: Path, tmp_path: Path
) -> None:
    """All pages are there, yet two are those of other weights."""
    out = tmp_path / 'out'
    run(inferencer, photos, out)
    for path in out.rglob('*.*'):
        os.utime(path, (1e9, 1e9))
    with torch.no_grad():
        inferencer.model.scale.fill_(1.0)
    started = inferencer.stream(
        f'{photos}/**/*.png', out_dir=out, save_maps=True
    )
    assert [next(started).name for _ in range(2)] == ALL[:2]
    started.close()
    assert run(inferencer, photos, out, resume=True) == ALL[2:]
    assert (np.load(out / 'maps/depth/c/z.npy') == 1.5).all()


def test_processes_of_a_run_leave_the_record_of_the_first_one(
    inferencer: MultiTaskInferencer, photos: Path, tmp_path: Path
) -> None:
    """However fast which of them is; the pages of before are not theirs."""
    out = tmp_path / 'out'
    run(inferencer, photos, out)
    for path in out.rglob('*.*'):
        os.utime(path, (1e9, 1e9))
    second, first = (
        inferencer.stream(
            f'{photos}/**/*.png', out_dir=out, save_maps=True, share=share
        )
        for share in ((1, 2), (0, 2))
    )
    assert [next(second).name, next(first).name] == ['b/x', 'a/x']
    assert run(inferencer, photos, out, resume=True) == ['b/y', 'c/z']
    assert [next(second).name, next(first).name] == ['c/z', 'b/y']
    assert run(inferencer, photos, out, resume=True) == []
    # Of other settings the record is never theirs.
    assert run(inferencer, photos, out, tile=4, share=(1, 2)) == ALL[1::2]
    assert run(inferencer, photos, out, tile=4, resume=True) == ALL[::2]


@pytest.mark.parametrize('resume', [False, True])
def test_a_run_ends_when_another_one_writes_there(
    inferencer: MultiTaskInferencer,
    photos: Path,
    tmp_path: Path,
    resume: bool,
) -> None:
    out = tmp_path / 'out'
    first = inferencer.stream(
        f'{photos}/**/*.png', out_dir=out, save_maps=True, resume=resume
    )
    assert next(first).name == 'a/x'
    second = inferencer.stream(
        f'{photos}/**/*.png', out_dir=out, save_maps=True, tile=4
    )
    assert next(second).name == 'a/x'
    text = r'another run writes to .*out: tiles was \{"size".*, is null'
    with pytest.raises(UserError, match=text):
        next(first)
    assert not (out / 'b').exists()
    assert [result.name for result in second] == ALL[1:]
    assert run(inferencer, photos, out, tile=4, resume=True) == []


def test_a_picture_that_changed_is_predicted_again(
    inferencer: MultiTaskInferencer, photos: Path, tmp_path: Path
) -> None:
    out = tmp_path / 'out'
    run(inferencer, photos, out)
    cv2.imwrite(str(photos / 'b/y.png'), np.full((6, 9, 3), 200, np.uint8))
    # Interrupted before its turn, it is still to do.
    inferencer.stream(
        f'{photos}/**/*.png', out_dir=out, save_maps=True, resume=True
    )
    assert not (out / 'b/y.png').exists()
    assert run(inferencer, photos, out, resume=True) == ['b/y']
    assert (np.load(out / 'maps/depth/b/y.npy') == 4).all()
    assert run(inferencer, photos, out, resume=True) == []


@pytest.mark.parametrize(
    ('change', 'text'),
    [
        ('weights', r'weights was "?\w{12}\.\.\., is "?\w{12}\.\.\.'),
        ('config', 'config was'),
        ('tasks', r'tasks was \["semseg"'),
        ('tiles', r'tiles was null, is \{"size": \[4, 4\]'),
        ('name', r'picture a/x was ".*photos/a/x\.png", is .*others/a/x'),
        ('damaged', r'predict\.json cannot be read'),
    ],
)
def test_another_run_is_refused_by_what_differs(
    pixel_config: Path,
    state: dict,
    weights: Path,
    photos: Path,
    tmp_path: Path,
    change: str,
    text: str,
) -> None:
    out = tmp_path / 'out'
    first = MultiTaskInferencer(pixel_config, weights, device='cpu')
    run(first, photos, out)
    before = {p: p.stat().st_mtime_ns for p in out.rglob('*.*')}
    changes: dict[str, Any] = {
        'tasks': dict(tasks=['depth']),
        'tiles': dict(tile=4),
    }
    second, options = first, changes.get(change, {})
    if change == 'weights':
        other = tmp_path / 'other.pth'
        torch.save({'state_dict': state | {'scale': torch.tensor(3.0)}}, other)
        second = MultiTaskInferencer(pixel_config, other, device='cpu')
    elif change == 'config':
        changed = {'model.data_preprocessor.size_divisor': 16}
        second = MultiTaskInferencer(
            pixel_config, weights, device='cpu', cfg_options=changed
        )
    elif change == 'name':
        photos = photos.rename(tmp_path / 'others')
    elif change == 'damaged':
        (out / 'predict.json').write_text('{"run": 1}')
        before[out / 'predict.json'] = (
            (out / 'predict.json').stat().st_mtime_ns
        )
    with pytest.raises(UserError, match=text):
        run(second, photos, out, resume=True, **options)
    assert {p: p.stat().st_mtime_ns for p in out.rglob('*.*')} == before


def test_the_record_says_what_the_folder_comes_from(
    inferencer: MultiTaskInferencer, photos: Path, tmp_path: Path
) -> None:
    import hashlib

    run(inferencer, photos, tmp_path, tasks=['edge', 'depth'])
    record = json.loads((tmp_path / 'predict.json').read_text())
    content = Path(inferencer.model.weights_file).read_bytes()
    assert record['run']['weights'] == hashlib.sha256(content).hexdigest()
    assert record['run']['tasks'] == ['edge', 'depth']
    found = (photos / 'b/x.png').stat()
    assert record['pictures']['b/x'] == {
        'source': str(photos / 'b/x.png'),
        'size': found.st_size,
        'mtime_ns': found.st_mtime_ns,
    }


def test_nothing_to_resume_without_a_folder(
    inferencer: MultiTaskInferencer, image: np.ndarray
) -> None:
    with pytest.raises(UserError, match='out_dir of the earlier run'):
        inferencer.stream(image, resume=True)


def forget(names: Sequence[str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name in names:
        monkeypatch.delenv(name, raising=False)


def test_shares_are_those_of_torchrun(monkeypatch: pytest.MonkeyPatch) -> None:
    from mmmtl.engine.distributed import launched_device, launched_share

    forget(('RANK', 'WORLD_SIZE', 'LOCAL_RANK'), monkeypatch)
    assert launched_share() == (0, 1)
    assert launched_device() is None
    monkeypatch.setenv('RANK', '5')
    monkeypatch.setenv('WORLD_SIZE', '8')
    monkeypatch.setenv('LOCAL_RANK', '1')
    assert launched_share() == (5, 8)
    monkeypatch.setattr('torch.cuda.is_available', lambda: True)
    monkeypatch.setattr('torch.cuda.device_count', lambda: 4)
    assert launched_device() == 'cuda:1'
