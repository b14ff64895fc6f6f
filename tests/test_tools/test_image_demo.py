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


def test_an_unreadable_picture_does_not_end_the_run(
    run_tool: Callable,
    config: Path,
    weights: Path,
    room: Path,
    tmp_path: Path,
) -> None:
    folder, out = tmp_path / 'photos', tmp_path / 'out'
    folder.mkdir()
    (folder / 'bad.png').write_bytes(b'no picture')
    (folder / 'room.png').write_bytes(room.read_bytes())
    result = run_tool(DEMO, folder, config, weights, '--out-dir', out)
    assert result.code == 1
    assert f'cannot read {folder / "bad.png"}' in result.err
    assert 'Traceback' not in result.err
    assert [path.name for path in out.glob('*.png')] == ['room.png']


def test_the_demo_has_every_option_of_the_command(
    run_tool: Callable,
    config: Path,
    weights: Path,
    room: Path,
    tmp_path: Path,
) -> None:
    out, page = tmp_path / 'out', tmp_path / 'page.html'
    words = ('--out-dir', out, '--point-cloud', '--gallery', page)
    result = run_tool(DEMO, room, config, weights, *words)
    assert result.code == 0, result.err
    assert list(out.rglob('*.ply'))
    assert page.is_file()


@pytest.mark.parametrize('names', [[], ['room.png'], ['a', 'b', 'c', 'd']])
def test_another_number_of_names_is_refused(
    run_tool: Callable, names: list[str]
) -> None:
    result = run_tool(DEMO, *names, '--out-dir', 'out', 'a', 'b')
    assert result.code == 2
    usage, error = result.err.splitlines()
    assert 'INPUT CONFIG [WEIGHTS]' in usage
    assert 'names come first' in error


def test_the_help_names_every_option(run_tool: Callable) -> None:
    result = run_tool(DEMO, '--help')
    assert result.code == 0
    assert 'INPUT CONFIG [WEIGHTS]' in result.out
    assert '--point-cloud' in result.out


def test_a_config_without_weights_is_refused(
    run_tool: Callable, config: Path, room: Path, tmp_path: Path
) -> None:
    """It predicted with random weights."""
    result = run_tool(DEMO, room, config, '--out-dir', tmp_path / 'out')
    assert result.code == 2
    assert 'is a config: name its weights, too' in result.err


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
