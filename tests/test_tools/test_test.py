"""The test tool: metrics to a file, all weights, nothing half."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

import pytest
import torch

from mmmtl import __version__
from mmmtl.engine.checkpoint import read_checkpoint
from tests.file_server import serve_files


@pytest.fixture
def exact(run_tool: Callable, toy_config: Path, tmp_path: Path) -> Path:
    """A checkpoint whose head ignores the features and answers 10."""
    run_tool('train.py', toy_config, '--work-dir', tmp_path / 'train')
    path = tmp_path / 'train' / 'iter_4.pth'
    content = read_checkpoint(path)
    content['state_dict']['head.weight'].zero_()
    content['state_dict']['head.bias'].fill_(10)
    torch.save(content, path)
    return path


def test_metrics_go_to_the_file(
    run_tool: Callable, toy_config: Path, tmp_path: Path, exact: Path
) -> None:
    out = tmp_path / 'results' / 'metrics.json'
    result = run_tool(
        'test.py', toy_config, exact, '--work-dir', tmp_path, '--out', out
    )
    assert result.code == 0
    # Targets 0, 2, 4, 6, 8, 10 against 10: (10 + 8 + 6 + 4 + 2 + 0) / 6.
    content = json.loads(out.read_text())
    assert content['metrics'] == {'toy/error': 5.0, 'toy/count': 6}
    assert content['per_class'] == {}
    assert content['single_task'] is None
    assert content['config']['file'] == str(toy_config)
    assert "type='ToyModel'" in content['config']['text']
    assert content['checkpoint'] == {
        'path': str(exact),
        'sha256': hashlib.sha256(exact.read_bytes()).hexdigest(),
    }
    assert content['versions']['mmmtl'] == __version__
    assert content['versions']['torch'] == metadata.version('torch')
    assert [path.name for path in out.parent.iterdir()] == ['metrics.json']


def test_hash_of_downloaded_weights_goes_to_file_and_log(
    run_tool: Callable,
    toy_config: Path,
    tmp_path: Path,
    exact: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv('TORCH_HOME', str(tmp_path / 'cache'))
    monkeypatch.setenv('no_proxy', '127.0.0.1')
    out = tmp_path / 'results.json'
    with serve_files() as server:
        url = server.add('/iter_4.pth', exact.read_bytes())
        result = run_tool(
            'test.py', toy_config, url, '--work-dir', tmp_path, '--out', out
        )
    assert result.code == 0, result.err
    digits = hashlib.sha256(exact.read_bytes()).hexdigest()
    content = json.loads(out.read_text())
    assert content['checkpoint'] == {'path': url, 'sha256': digits}
    # Two runs of one second have one name, and one log.
    logs = ''.join(log.read_text() for log in tmp_path.rglob('*.log'))
    assert f'Load checkpoint from {url} (SHA-256 {digits})' in logs


def test_pretrained_weights_are_not_asked_for(
    run_tool: Callable, toy_config: Path, tmp_path: Path, exact: Path
) -> None:
    """The checkpoint replaces them, and there may be no network."""
    result = run_tool(
        'test.py', toy_config, exact, '--work-dir', tmp_path,
        '--cfg-options',
        'model.backbone.init_cfg.type=Pretrained',
        f'model.backbone.init_cfg.checkpoint={tmp_path / "nowhere.pth"}',
    )  # fmt: skip
    assert result.code == 0, result.err


def test_refused_checkpoint_leaves_no_result(
    run_tool: Callable, toy_config: Path, tmp_path: Path, exact: Path
) -> None:
    content = read_checkpoint(exact)
    del content['state_dict']['head.bias']
    torch.save(content, exact)
    out = tmp_path / 'metrics.json'
    result = run_tool(
        'test.py', toy_config, exact, '--work-dir', tmp_path, '--out', out
    )
    assert result.code == 2
    assert '1 missing (head.bias)' in result.err
    assert not out.exists()


def test_out_must_be_json(
    run_tool: Callable, toy_config: Path, tmp_path: Path
) -> None:
    result = run_tool('test.py', toy_config, 'any.pth', '--out', tmp_path)
    assert result.code == 2
    assert '.json' in result.err


def test_out_must_be_where_files_can_be_written(
    run_tool: Callable, toy_config: Path, tmp_path: Path
) -> None:
    (tmp_path / 'file').write_text('')
    out = tmp_path / 'file' / 'deeper' / 'metrics.json'
    result = run_tool('test.py', toy_config, 'any.pth', '--out', out)
    assert result.code == 2
    assert f'--out {out}: {tmp_path / "file"} is no folder' in result.err


def test_tta_without_its_config_is_refused(
    run_tool: Callable, toy_config: Path, exact: Path
) -> None:
    result = run_tool('test.py', toy_config, exact, '--tta')
    assert result.code == 2
    assert 'no tta_model and no tta_pipeline' in result.err


def test_show_dir_without_a_hook_is_refused(
    run_tool: Callable, toy_config: Path, exact: Path, tmp_path: Path
) -> None:
    result = run_tool('test.py', toy_config, exact, '--show-dir', tmp_path)
    assert result.code == 2
    assert 'default_hooks.visualization' in result.err
