"""Reading and strict loading of checkpoints."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.logging import HistoryBuffer
from torch import nn

from mmmtl.engine.checkpoint import (
    ForeignCheckpointError,
    UnreadableCheckpointError,
    UnsafeCheckpointError,
    enable_safe_loading,
    load_checkpoint_strict,
    read_checkpoint,
)


class Reach:
    """Pickles as a call of getattr."""

    def __init__(self, owner: object, name: str) -> None:
        self.arguments = (owner, name)

    def __reduce__(self) -> tuple:
        return getattr, self.arguments


def save(path: Path, content: object) -> Path:
    torch.save(content, path)
    return path


def test_history_buffer_comes_back_with_values_and_methods(
    tmp_path: Path,
) -> None:
    buffer = HistoryBuffer([1.0, 2.0, 6.0], [1, 1, 1])
    content = {
        'message_hub': {'log_scalars': {'loss': buffer}},
        'array': np.arange(3, dtype=np.uint8),
        'scalar': np.float64(0.5),
    }
    read = read_checkpoint(save(tmp_path / 'a.pth', content))
    restored = read['message_hub']['log_scalars']['loss']
    assert restored.statistics('mean') == 3.0
    assert read['array'].tolist() == [0, 1, 2]
    assert read['scalar'] == 0.5


def test_every_torch_load_of_the_process_is_safe(tmp_path: Path) -> None:
    """Also a call that asks for unsafe loading by name, as mmengine's does."""
    os.environ['TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD'] = '1'
    path = save(tmp_path / 'a.pth', {'code': Reach(np.ndarray, 'tofile')})
    enable_safe_loading()
    with pytest.raises(Exception, match='Weights only load failed'):
        torch.load(path, weights_only=False)


@pytest.mark.parametrize(
    'reach',
    [
        Reach(np.ndarray, 'tofile'),
        Reach(HistoryBuffer, '__init__'),
        Reach(torch.Tensor, 'data_ptr'),
    ],
)
def test_getattr_reaches_nothing_but_history_statistics(
    reach: Reach, tmp_path: Path
) -> None:
    with pytest.raises(UnsafeCheckpointError, match='contains code'):
        read_checkpoint(save(tmp_path / 'a.pth', {'x': reach}))


@pytest.mark.parametrize('content', [b'', b'<html>not found</html>'])
def test_file_that_is_no_checkpoint(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / 'a.pth'
    path.write_bytes(content)
    with pytest.raises(UnreadableCheckpointError, match='cannot be read'):
        read_checkpoint(path)


def test_missing_file_and_wrong_content(tmp_path: Path) -> None:
    with pytest.raises(UnreadableCheckpointError, match='no such file'):
        read_checkpoint(tmp_path / 'a.pth')
    with pytest.raises(UnreadableCheckpointError, match='found list'):
        read_checkpoint(save(tmp_path / 'b.pth', [1]))


def model() -> nn.Module:
    return nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))


def test_exact_checkpoint_is_loaded_with_or_without_module_prefix(
    tmp_path: Path,
) -> None:
    source, target = model(), model()
    state = {f'module.{k}': v for k, v in source.state_dict().items()}
    path = save(tmp_path / 'a.pth', {'state_dict': state, 'meta': {'n': 1}})
    assert load_checkpoint_strict(target, path)['meta'] == {'n': 1}
    assert torch.equal(target[0].weight, source[0].weight)


@pytest.mark.parametrize(
    ('change', 'words'),
    [
        (lambda s: s.pop('0.bias'), r'1 missing \(0\.bias\)'),
        (
            lambda s: s.update({'2.bias': torch.ones(1)}),
            r'1 unexpected \(2\.bias\)',
        ),
        (
            lambda s: s.update({'0.bias': torch.ones(5)}),
            r'0\.bias: \(5,\) for \(3,\)',
        ),
    ],
)
def test_one_wrong_tensor_refuses_all(
    change: object, words: str, tmp_path: Path
) -> None:
    target, state = model(), dict(model().state_dict())
    before = {k: v.clone() for k, v in target.state_dict().items()}
    change(state)
    path = save(tmp_path / 'a.pth', {'state_dict': state})
    with pytest.raises(ForeignCheckpointError, match=words):
        load_checkpoint_strict(target, path)
    for name, value in target.state_dict().items():
        assert torch.equal(value, before[name])


def test_checkpoint_is_described_without_running_its_config(
    tmp_path: Path,
) -> None:
    trap = tmp_path / 'trap'
    config = f'open({str(trap)!r}, "w")\nmodel = dict(type=\'A\')\n'
    state = {'head.weight': torch.ones(1)}
    content = {'state_dict': state, 'meta': {'cfg': config}}
    path = save(tmp_path / 'a.pth', content)
    with pytest.raises(ForeignCheckpointError) as caught:
        load_checkpoint_strict(model(), path)
    assert '1 tensors: head (1).' in str(caught.value)
    assert not trap.exists()


def test_lightning_checkpoint_names_the_converter(tmp_path: Path) -> None:
    content = {
        'state_dict': {'model.x': torch.ones(1)},
        'pytorch-lightning_version': '1.1.8',
    }
    path = save(tmp_path / 'a.ckpt', content)
    with pytest.raises(ForeignCheckpointError, match='authors2mmmtl'):
        load_checkpoint_strict(model(), path)
