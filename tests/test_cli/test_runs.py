"""Train, test and predict, as commands and from Python."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config
from PIL import Image

import mmmtl as package
from mmmtl.apis import MultiTaskInferencer, init_model
from mmmtl.cli.train import _what_next
from mmmtl.engine.checkpoint import read_checkpoint
from mmmtl.errors import UserError
from tests.file_server import serve_files
from tests.test_deploy.tiny_configs import tiny_config
from tests.tiny import demt


@pytest.fixture
def pixel_model(
    repo_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """A folder with config and weights: depth is blue / 50."""
    project = repo_root / 'tests' / 'data' / 'pixel_project'
    monkeypatch.syspath_prepend(str(project))
    folder = tmp_path / 'pixel_model'
    folder.mkdir()
    (folder / 'pixel.py').write_bytes((project / 'pixel.py').read_bytes())
    state = {
        'scale': torch.tensor(2.0),
        'norm.running_mean': torch.zeros(3),
        'norm.running_var': torch.ones(3),
        'norm.num_batches_tracked': torch.tensor(0),
    }
    torch.save(state, folder / 'iter_8.pth')
    (folder / 'last_checkpoint').write_text('/elsewhere/iter_8.pth')
    return folder


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    image = np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8)
    cv2.imwrite(str(tmp_path / 'room.png'), image)
    return tmp_path / 'room.png'


def test_the_command_that_shows_a_training_is_one_that_runs(
    tmp_path: Path,
) -> None:
    tiny_config('FCN').dump(tmp_path / 'own.py')
    assert _what_next(tmp_path) == f'trained: {tmp_path}'  # no checkpoint
    torch.save({}, tmp_path / 'iter_1.pth')
    (tmp_path / 'last_checkpoint').write_text('iter_1.pth')
    assert _what_next(tmp_path).endswith(f'mmmtl predict {tmp_path} IMAGE')
    (tmp_path / 'other.py').write_text('')  # which is it?
    assert _what_next(tmp_path) == f'trained: {tmp_path}'


def test_train_resume_and_test(
    mmmtl: Callable, toy_config: Path, tmp_path: Path
) -> None:
    work = tmp_path / 'work'
    first = mmmtl('train', toy_config, '--seed', 1, '--work-dir', work)
    assert first.code == 0, first.err
    # Its config imports a module, which the next command has to allow.
    said = f'mmmtl predict {work} IMAGE --trust-remote-code'
    assert said in first.out
    more = ('--cfg-options', 'train_cfg.max_iters=6', '--work-dir', work)
    second = mmmtl('train', toy_config, '--seed', 1, *more, '--resume')
    assert second.code == 0, second.err
    assert f'resuming {work}/iter_4.pth' in second.out
    assert read_checkpoint(work / 'iter_6.pth')['meta']['iter'] == 6
    chosen = work / 'iter_2.pth'
    third = mmmtl('train', toy_config, '--seed', 1, *more, '--resume', chosen)
    assert third.code == 0, third.err
    assert f'{work}/iter_2.pth' in third.out
    out = tmp_path / 'metrics.json'
    last = work / 'iter_6.pth'
    done = mmmtl('test', toy_config, last, '--out', out, '--work-dir', work)
    assert done.code == 0, done.err
    metrics = json.loads(out.read_text())['metrics']
    # From Python the same model has the same figures.
    again = package.test(toy_config, last, work_dir=tmp_path / 'again')
    assert again == metrics
    # The folder stands for its last checkpoint, as for `predict`.
    (work / 'last_checkpoint').write_text(str(last))
    out.unlink()
    done = mmmtl('test', toy_config, work, '--out', out, '--work-dir', work)
    assert done.code == 0, done.err
    results = json.loads(out.read_text())
    assert results['metrics'] == metrics
    assert results['checkpoint']['path'] == str(last)
    assert metrics['toy/count'] == 6


def test_python_trains_what_the_command_trains(
    mmmtl: Callable, toy_config: Path, tmp_path: Path
) -> None:
    """From a file and from a dict, to the same weights."""
    done = mmmtl(
        *('train', toy_config, '--seed', 1, '--work-dir', tmp_path / 'a'),
        *('--cfg-options', 'train_cfg.max_iters=3'),
    )
    assert done.code == 0, done.err
    content = Config.fromfile(toy_config).to_dict()
    before = repr(content)
    for config, name in ((toy_config, 'b'), (content, 'c')):
        folder = package.train(
            config,
            seed=1,
            work_dir=tmp_path / name,
            cfg_options={'train_cfg.max_iters': 3},
        )
        assert folder == tmp_path / name
    assert repr(content) == before
    first, *others = (
        read_checkpoint(tmp_path / name / 'iter_3.pth')['state_dict']
        for name in 'abc'
    )
    for other in others:
        assert first.keys() == other.keys()
        for key, value in first.items():
            assert torch.equal(value, other[key]), key


def test_a_training_starts_from_a_name(
    toy_config: Path, tmp_path: Path
) -> None:
    """Without a step in between, the weights are those of the folder."""
    first = package.train(toy_config, seed=1, work_dir=tmp_path / 'first')
    second = package.train(
        toy_config,
        seed=2,
        work_dir=tmp_path / 'second',
        cfg_options={'load_from': str(first), 'optim_wrapper.optimizer.lr': 0},
    )
    state, other = (
        read_checkpoint(folder / 'iter_4.pth')['state_dict']
        for folder in (first, second)
    )
    for name, tensor in state.items():
        if 'running' not in name and 'num_batches' not in name:
            assert torch.equal(tensor, other[name]), name


def test_predict_takes_saved_models_and_urls(
    mmmtl: Callable, picture: Path, tmp_path: Path
) -> None:
    pipeline = [
        dict(type='LoadImageFromFile'),
        dict(type='PackMultiTaskInputs'),
    ]
    config = Config(dict(model=demt(), test_pipeline=pipeline))
    folder = package.save_pretrained(init_model(config), tmp_path / 'saved')
    want = package.predict(folder, picture, device='cpu')
    with serve_files() as server:
        url = server.add('/a/photo.png', picture.read_bytes())
        out = ('--out-dir', tmp_path / 'out', '--save-maps')
        done = mmmtl('predict', folder, url, *out, '--device', 'cpu')
    assert done.code == 0, done.err
    depth = np.load(tmp_path / 'out/maps/depth/photo.npy')
    np.testing.assert_array_equal(depth, want['depth'])
    with Image.open(picture) as opened:
        maps = package.predict(folder, opened, device='cpu')
    np.testing.assert_array_equal(maps['depth'], depth)


def test_a_dict_cannot_inherit() -> None:
    with pytest.raises(UserError, match='a dict has no _base_'):
        package.train(dict(_base_='demt_swin-t_nyud'))


def test_predict_takes_a_folder_or_a_file(
    mmmtl: Callable, pixel_model: Path, picture: Path, tmp_path: Path
) -> None:
    blue = cv2.imread(str(picture))[..., 0]
    models = (pixel_model, pixel_model / 'iter_8.pth')
    for number, model in enumerate(models):
        out = tmp_path / str(number)
        done = mmmtl(
            *('predict', model, picture, '--out-dir', out),
            *('--tasks', 'depth', 'edge', '--save-maps'),
            '--trust-remote-code',
        )
        assert done.code == 0, done.err
        assert f'1 page(s) written to {out}' in done.out
        written = {str(p.relative_to(out)) for p in out.rglob('*.*')}
        assert written == {
            'room.png',
            'predict.json',
            'maps/depth/room.npy',
            'maps/edge/room.npy',
        }
        depth = np.load(out / 'maps/depth/room.npy')
        np.testing.assert_allclose(depth, blue / 50, rtol=1e-6)
    # An open model, and several pictures.
    model = package.open_model(pixel_model, trust_remote_code=True)
    assert isinstance(model, MultiTaskInferencer)
    maps = package.predict(model, [picture, picture], tasks=['depth'])
    assert [list(one) for one in maps] == [['depth'], ['depth']]
    np.testing.assert_array_equal(maps[1]['depth'], depth)


def test_a_folder_of_a_training_runs_no_code_of_itself(
    mmmtl: Callable, pixel_model: Path, picture: Path, tmp_path: Path
) -> None:
    out = tmp_path / 'out'
    done = mmmtl('predict', pixel_model, picture, '--out-dir', out)
    assert done.code == 2
    assert "custom_imports={'imports': ['mmmtl_pixel']}" in done.err
    assert done.err.count('\n') == 1
    assert not out.exists()


def test_weights_without_a_clear_config_are_refused(
    mmmtl: Callable, pixel_model: Path, picture: Path, tmp_path: Path
) -> None:
    out = ('--out-dir', tmp_path / 'out')
    (pixel_model / 'other.py').write_text('model = dict()\n')
    done = mmmtl('predict', pixel_model, picture, *out)
    assert done.code == 2
    assert 'found beside it: other.py, pixel.py' in done.err
    config = ('--config', pixel_model / 'pixel.py')
    assert mmmtl('predict', pixel_model, picture, *out, *config).code == 0
    weights = pixel_model / 'iter_8.pth'
    assert mmmtl('predict', weights, picture, *out, *config).code == 0


@pytest.mark.parametrize(
    ('model', 'text'),
    [
        ('rooms-lite', 'known are rooms-lite0'),
        ('.', 'neither model.safetensors'),
        ('demt_swin-t_nyud', 'this config comes without weights'),
        ('hf-hub:../../etc', 'write hf-hub:USER/MODEL'),
    ],
)
def test_no_such_model(
    mmmtl: Callable,
    picture: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    model: str,
    text: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    done = mmmtl('predict', model, picture, '--out-dir', 'out')
    assert done.code == 2
    assert text in done.err
    assert done.err.count('\n') == 1
    assert not Path('out').exists()


@pytest.mark.slow
def test_the_shipped_model_predicts_from_any_folder(
    mmmtl: Callable,
    repo_root: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    room = repo_root / 'demo' / 'room.png'
    done = mmmtl('predict', 'rooms-lite0', room, '--out-dir', 'out')
    assert done.code == 0, done.err
    assert cv2.imread('out/room.png') is not None


@pytest.mark.slow
def test_two_processes_train_and_speak_once(
    toy_config: Path, tmp_path: Path
) -> None:
    done = subprocess.run(
        [
            *(sys.executable, '-m', 'torch.distributed.run'),
            *('--nproc-per-node', '2', '--rdzv-backend', 'c10d'),
            *('--rdzv-endpoint', 'localhost:0', '-m', 'mmmtl', 'train'),
            *(toy_config, '--launcher', 'pytorch', '--work-dir', 'work'),
        ],
        cwd=tmp_path,
        env={**os.environ, 'PYTHONPATH': str(toy_config.parent)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count('mmmtl predict work IMAGE') == 1
    assert (tmp_path / 'work/iter_4.pth').is_file()


@pytest.mark.slow
def test_two_processes_share_a_folder(
    repo_root: Path, pixel_model: Path, picture: Path, tmp_path: Path
) -> None:
    project = repo_root / 'tests' / 'data' / 'pixel_project'
    photos, out = tmp_path / 'photos', tmp_path / 'out'
    photos.mkdir()
    for number in range(3):
        shutil.copy(picture, photos / f'{number}.png')
    done = subprocess.run(
        [
            *(sys.executable, '-m', 'torch.distributed.run'),
            *('--nproc-per-node', '2', '--rdzv-backend', 'c10d'),
            *('--rdzv-endpoint', 'localhost:0', '-m', 'mmmtl', 'predict'),
            *(pixel_model, f'{photos}/*', '--out-dir', out),
            *('--trust-remote-code', '--device', 'cpu'),
        ],
        env={**os.environ, 'PYTHONPATH': str(project)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert f'process 0: 2 page(s) written to {out}' in done.stdout
    assert f'process 1: 1 page(s) written to {out}' in done.stdout
    assert sorted(p.name for p in out.iterdir()) == [
        *('0.png', '1.png', '2.png', 'predict.json')
    ]


def test_asking_for_what_is_not_there() -> None:
    with pytest.raises(AttributeError, match="module 'mmmtl' has no"):
        package.other  # noqa: B018
    assert {'train', 'test', 'predict', 'open_model'} <= set(dir(package))
