"""Reading and strict loading of checkpoints."""

from __future__ import annotations

import hashlib
import os
import random
import re
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.logging import HistoryBuffer
from torch import nn

from mmmtl.engine.checkpoint import (
    ForeignCheckpointError,
    SpoiledCheckpointError,
    UnreadableCheckpointError,
    UnsafeCheckpointError,
    enable_safe_loading,
    file_hash,
    load_checkpoint_strict,
    read_checkpoint,
    state_dict_of,
)
from mmmtl.errors import UserError


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


def check_flips(path: Path, wanted: Callable[[int], Sequence[int]]) -> None:
    """Flip bits, one at a time: each is found, or changes no weight.

    Args:
        path: A file to write.
        wanted: From the number of bits to those that are flipped.
    """
    state = {f'{i}.weight': torch.randn(40) for i in range(2)}
    content = save(path, {'state_dict': state}).read_bytes()
    # Records that are marked as folders come as memory that nobody filled.
    marks = [
        8 * (place.start() + 38) + 4
        for place in re.finditer(b'PK\x01\x02', content)
    ]
    assert len(marks) >= 6  # more of them in newer versions of PyTorch
    found = 0
    bits = [*marks, *wanted(8 * len(content))]
    for bit in bits:
        flipped = bytearray(content)
        flipped[bit // 8] ^= 1 << bit % 8
        path.write_bytes(flipped)
        try:
            read = read_checkpoint(path)['state_dict']
        except UserError:
            found += 1
            continue
        for name, value in state.items():
            assert torch.equal(read[name], value), bit
    # The rest is padding, and what nobody reads.
    assert found > len(bits) / 2


def test_a_flipped_bit_changes_no_weight(tmp_path: Path) -> None:
    check_flips(
        tmp_path / 'a.pth', lambda n: [random.randrange(n) for _ in range(200)]
    )


@pytest.mark.slow
def test_no_flipped_bit_changes_a_weight(tmp_path: Path) -> None:
    check_flips(tmp_path / 'a.pth', lambda n: range(0, n, 5))


def test_file_that_was_written_without_checksums(tmp_path: Path) -> None:
    torch.serialization.set_crc32_options(False)
    try:
        path = save(tmp_path / 'a.pth', {'x': torch.ones(3)})
    finally:
        torch.serialization.set_crc32_options(True)
    assert read_checkpoint(path)['x'].tolist() == [1, 1, 1]


@pytest.mark.parametrize('kind', ['old', 'safetensors'])
def test_checksum_beside_a_file_that_has_none(
    kind: str, tmp_path: Path
) -> None:
    path = tmp_path / f'a.{kind}'
    if kind == 'old':
        torch.save(
            {'x': torch.ones(3)}, path, _use_new_zipfile_serialization=False
        )
    else:
        pytest.importorskip('safetensors.torch').save_file(
            {'x': torch.ones(3)}, path
        )
    digits = hashlib.sha256(path.read_bytes()).hexdigest()
    tmp_path.joinpath(f'{path.name}.sha256').write_text(
        f'{digits.upper()} *{path.name}\n'
    )
    assert state_dict_of(read_checkpoint(path), path)['x'].tolist() == [
        1,
        1,
        1,
    ]
    content = bytearray(path.read_bytes())
    content[-2] ^= 1  # in the last value
    path.write_bytes(content)
    with pytest.raises(UnreadableCheckpointError, match=r'SHA-256 is not'):
        read_checkpoint(path)


def test_broken_safetensors_file(tmp_path: Path) -> None:
    pytest.importorskip('safetensors')
    path = tmp_path / 'a.safetensors'
    path.write_bytes(b'\x10' + bytes(40))
    with pytest.raises(UnreadableCheckpointError, match='cannot be read'):
        read_checkpoint(path)


def test_hash_of_a_file_longer_than_a_block(tmp_path: Path) -> None:
    path = tmp_path / 'weights.pth'
    for text in (b'abc', b'abd'):
        path.write_bytes(text * 600_000)
        want = hashlib.sha256(path.read_bytes()).hexdigest()
        assert file_hash(path) == want


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


def with_value(value: float) -> Callable:
    def change(tensor: torch.Tensor) -> torch.Tensor:
        tensor = tensor.clone()
        tensor[-1] = value
        return tensor

    return change


@pytest.mark.parametrize(
    ('name', 'change', 'words'),
    [
        ('0.weight', torch.Tensor.char, 'is int8, not float'),
        ('0.weight', torch.Tensor.bool, 'is bool, not float'),
        ('0.weight', torch.Tensor.cfloat, 'is complex64, not float'),
        ('0.weight', torch.Tensor.to_sparse, 'is sparse, not float'),
        ('0.weight', lambda t: t.to('meta'), 'is without values, not float'),
        ('1.num_batches_tracked', torch.Tensor.float, 'is float, not int64'),
        ('0.weight', with_value(torch.nan), 'has 2 of 6 values not finite'),
        ('1.running_var', with_value(torch.inf), 'has 1 of 3 values not'),
        # Finite in the file, and too large for the model's type.
        ('0.bias', lambda t: with_value(1e99)(t.double()), 'has 1 of 3'),
    ],
)
def test_values_that_are_no_weights_refuse_all(
    name: str, change: Callable, words: str, tmp_path: Path
) -> None:
    target, state = model(), dict(model().state_dict())
    before = {k: v.clone() for k, v in target.state_dict().items()}
    state[name] = change(state[name])
    path = save(tmp_path / 'a.pth', {'state_dict': state})
    with pytest.raises(SpoiledCheckpointError, match=f'{name} {words}'):
        load_checkpoint_strict(target, path)
    for key, value in target.state_dict().items():
        assert torch.equal(value, before[key])


@pytest.mark.parametrize('kind', ['half', 'bfloat16', 'double'])
def test_floats_of_another_width_are_cast(kind: str, tmp_path: Path) -> None:
    source, target = model(), model()
    state = source.state_dict()
    state['0.weight'] = getattr(state['0.weight'], kind)()
    load_checkpoint_strict(target, save(tmp_path / 'a.pth', dict(state)))
    difference = target[0].weight - source[0].weight
    assert difference.abs().max() < 2**-8  # bfloat16 keeps 8 bits


def test_values_may_have_no_finite_sum(tmp_path: Path) -> None:
    source = model().half()
    source[0].weight.data.fill_(6e4)  # the largest half is 65504
    load_checkpoint_strict(
        model().half(), save(tmp_path / 'a.pth', source.state_dict())
    )


def test_a_mask_may_hold_infinities(tmp_path: Path) -> None:
    source, target = nn.Module(), nn.Module()
    source.register_buffer('mask', torch.tensor([0.0, -torch.inf]))
    target.register_buffer('mask', torch.tensor([-torch.inf, 0.0]))
    path = save(tmp_path / 'a.pth', source.state_dict())
    load_checkpoint_strict(target, path)
    assert torch.equal(target.mask, source.mask)


def test_a_name_with_and_without_module(tmp_path: Path) -> None:
    state = dict(model().state_dict())
    state['module.0.bias'] = torch.ones(3)
    path = save(tmp_path / 'a.pth', {'state_dict': state})
    with pytest.raises(
        ForeignCheckpointError, match=r'with and without module\..*0\.bias;'
    ):
        load_checkpoint_strict(model(), path)


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
