"""``mmmtl export``: from a name, or a config and its weights, to a file."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from mmmtl import export
from mmmtl.apis import MultiTaskInferencer
from mmmtl.rooms import render_room
from tests.test_deploy.test_onnx import RUN_ALONE
from tests.test_deploy.tiny_configs import tiny_config


def test_weights_are_asked_for(mmmtl: Callable, tmp_path: Path) -> None:
    out = ('--out', tmp_path / 'model.onnx')
    for config in ('demt_swin-t_nyud', tmp_path / 'mine.py'):
        done = mmmtl('export', config, *out)
        assert done.code == 2
        assert 'name its weights, too, or none' in done.err
    done = mmmtl('export', 'rooms-lite', *out)
    assert done.code == 2
    assert 'known are rooms-lite0' in done.err


def test_none_is_no_word_for_a_model_with_weights(
    mmmtl: Callable, tmp_path: Path
) -> None:
    for name in ('rooms-lite0', tmp_path):
        done = mmmtl('export', name, 'none', '--out', tmp_path / 'model.onnx')
        assert done.code == 2
        assert 'has weights: leave none out' in done.err


def test_onnx_is_asked_for_before_anything_is_built(
    mmmtl: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, 'onnxscript', None)
    done = mmmtl('export', 'nothing.py', 'none', '--out', tmp_path / 'm.onnx')
    assert done.code == 2
    assert "pip install 'mmmtl[deploy]'" in done.err


@pytest.mark.parametrize('how', ['folder', 'config and folder', 'python'])
def test_a_folder_of_a_training_and_the_size(
    mmmtl: Callable, tmp_path: Path, how: str
) -> None:
    import torch

    folder = tmp_path / 'run'
    folder.mkdir()
    config = tiny_config('FCN', convolutions=True)
    config.dump(folder / 'fcn.py')
    model = MultiTaskInferencer(config, device='cpu').model
    torch.save(model.state_dict(), folder / 'iter_8.pth')
    (folder / 'last_checkpoint').write_text('iter_8.pth')
    out = tmp_path / 'model.ts'
    if how == 'python':
        made = export(folder, out, format='torchscript', size=(32, 64))
        assert made.path == out
    else:
        names = [folder] if how == 'folder' else [folder / 'fcn.py', folder]
        done = mmmtl(
            *('export', *names, '--out', out, '--format', 'torchscript'),
            *('--size', 32, 64),
        )
        assert done.code == 0, done.err
        assert '| semseg | 0 |' in done.out
    files = {'mmmtl.json': ''}
    torch.jit.load(out, _extra_files=files)
    found = json.loads(files['mmmtl.json'])
    assert found['input']['size'] == [32, 64]
    digest = subprocess.check_output(
        ['sha256sum', folder / 'iter_8.pth'], text=True
    )
    assert found['weights_sha256'] == digest.split()[0]


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_shipped_model_runs_without_torch(
    mmmtl: Callable, repo_root: Path, tmp_path: Path
) -> None:
    """All nine tasks of a rendered room."""
    for name in ('onnx', 'onnxscript', 'onnxruntime', 'timm'):
        pytest.importorskip(name)
    out = tmp_path / 'rooms.onnx'
    done = mmmtl('export', 'rooms-lite0', '--out', out)
    assert done.code == 0, done.err

    unseen = render_room(9, 480, 640).image[..., ::-1].copy()
    picture, maps = tmp_path / 'picture.npy', tmp_path / 'maps.npz'
    np.save(picture, unseen)
    others = ('torch', 'torchvision', 'mmengine', 'mmcv', 'mmseg', 'cv2')
    subprocess.run(
        [sys.executable, '-c', RUN_ALONE.format(others=others)]
        + [str(path) for path in (out, picture, maps)],
        check=True,
        cwd=repo_root,
    )
    wanted = MultiTaskInferencer('rooms-lite0', device='cpu')(unseen)
    with np.load(maps) as found:
        assert list(found) == list(wanted)
        assert len(wanted) == 9
        for task, values in wanted.items():
            assert found[task].dtype == values.dtype
            if values.dtype.kind == 'i':
                same = (found[task] == values).mean()
                assert same > 0.999, task
            else:
                off = abs(found[task] - values) / abs(values).max()
                assert off.mean() < 1e-3, task
