"""The picture demo as a command, and the picture that comes with it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

DEMO = '../demo/image_demo.py'


@pytest.fixture
def config(repo_root: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = repo_root / 'tests' / 'data' / 'pixel_project'
    monkeypatch.syspath_prepend(str(folder))
    return folder / 'pixel.py'


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    state = {
        'scale': torch.tensor(2.0),
        'norm.running_mean': torch.zeros(3),
        'norm.running_var': torch.ones(3),
        'norm.num_batches_tracked': torch.tensor(0),
    }
    torch.save(state, tmp_path / 'weights.pth')
    return tmp_path / 'weights.pth'


@pytest.fixture
def room(repo_root: Path) -> Path:
    return repo_root / 'demo' / 'room.png'


def test_demo_writes_a_page_and_the_maps_it_is_asked_for(
    run_tool: Callable,
    config: Path,
    weights: Path,
    room: Path,
    tmp_path: Path,
) -> None:
    out = tmp_path / 'out'
    arguments = ['--out-dir', out, '--tasks', 'depth', 'edge', '--save-maps']
    result = run_tool(DEMO, room, config, weights, *arguments)
    assert result.code == 0, result.err
    assert f'1 page(s) written to {out}' in result.out
    written = sorted(p.relative_to(out) for p in out.rglob('*.*'))
    assert [str(path) for path in written] == [
        'maps/depth/room.npy',
        'maps/edge/room.npy',
        'predict.json',
        'room.png',
    ]
    # The model's formula: metres are blue / 100, twice.
    blue = cv2.imread(str(room))[..., 0]
    depth = np.load(out / 'maps/depth/room.npy')
    np.testing.assert_allclose(depth, blue / 50, rtol=1e-6)


def test_options_reach_the_model(
    run_tool: Callable,
    config: Path,
    weights: Path,
    room: Path,
    tmp_path: Path,
) -> None:
    option = 'model.nothing=1'
    result = run_tool(
        DEMO, room, config, weights, '--out-dir', tmp_path / 'out',
        '--cfg-options', option, '--device', 'cpu',
    )  # fmt: skip
    assert result.code == 2
    assert "'nothing'" in result.err


@pytest.mark.parametrize('what', ['input', 'config', 'weights'])
def test_missing_file_is_one_line_and_exit_code_2(
    run_tool: Callable,
    config: Path,
    weights: Path,
    room: Path,
    tmp_path: Path,
    what: str,
) -> None:
    paths = {'input': room, 'config': config, 'weights': weights}
    paths[what] = tmp_path / 'missing.png'
    out = tmp_path / 'out'
    result = run_tool(DEMO, *paths.values(), '--out-dir', out)
    assert result.code == 2
    assert 'missing.png' in result.err
    assert 'Traceback' not in result.err
    assert not out.exists()


def test_unreadable_picture_is_one_line_and_exit_code_2(
    run_tool: Callable, config: Path, weights: Path, tmp_path: Path
) -> None:
    bad = tmp_path / 'bad.png'
    bad.write_bytes(b'no picture')
    out = tmp_path / 'out'
    result = run_tool(DEMO, bad, config, weights, '--out-dir', out)
    assert result.code == 2
    assert f'cannot read {bad}' in result.err
    assert 'Traceback' not in result.err
    assert not out.exists()


def test_the_demo_takes_what_the_refusal_of_code_recommends(
    run_tool: Callable,
    config: Path,
    weights: Path,
    room: Path,
    tmp_path: Path,
) -> None:
    (tmp_path / 'last_checkpoint').write_text(weights.name)
    (tmp_path / 'config.py').write_text(config.read_text())
    words = (DEMO, room, tmp_path, '--out-dir', tmp_path / 'out')
    refused = run_tool(*words, '--device', 'cpu')
    assert refused.code == 2
    assert '--trust-remote-code' in refused.err
    done = run_tool(*words, '--device', 'cpu', '--trust-remote-code')
    assert done.code == 0, done.err
