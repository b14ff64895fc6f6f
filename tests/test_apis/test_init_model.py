from __future__ import annotations

from pathlib import Path

import pytest
import torch
from mmengine.config import Config

from mmmtl.apis import init_model
from mmmtl.engine.checkpoint import (
    ForeignCheckpointError,
    SpoiledCheckpointError,
    UnreadableCheckpointError,
    UnsafeCheckpointError,
)
from mmmtl.errors import UserError
from tests.test_deploy.tiny_configs import tiny_config


class Payload:
    """Pickles as a call of print."""

    def __reduce__(self) -> tuple:
        return print, ('payload ran',)


def test_model_has_the_checkpoints_weights_and_predicts(
    pixel_config: Path, weights: Path
) -> None:
    model = init_model(pixel_config, weights)
    assert model.scale.item() == 2
    assert not model.training
    assert model.cfg.model.type == 'PixelModel'


def test_class_names_come_from_the_config(
    pixel_config: Path, weights: Path
) -> None:
    meta = init_model(pixel_config, weights).dataset_meta
    assert list(meta['classes']) == ['blue', 'red']
    # What the config does not replace is that of the data set's class.
    assert meta['dataset_name'] == 'nyudv2'


def test_class_names_of_the_training_go_first(
    pixel_config: Path, state: dict, tmp_path: Path
) -> None:
    path = tmp_path / 'trained.pth'
    meta = {'dataset_meta': {'classes': ('sea', 'land')}}
    torch.save({'state_dict': state, 'meta': meta}, path)
    model = init_model(pixel_config, path)
    assert model.dataset_meta == {'classes': ('sea', 'land')}


def test_weights_of_other_values_are_refused(tmp_path: Path) -> None:
    """They fit; a depth of theirs would be another one."""
    config = tiny_config('FCN')
    limit = 'model.decode_head.tasks.depth.max_value'
    model = init_model(config, cfg_options={limit: 10.0})
    path = tmp_path / 'trained.pth'
    meta = {'cfg': model.cfg.pretty_text}
    torch.save({'state_dict': model.state_dict(), 'meta': meta}, path)
    init_model(config, path, cfg_options={limit: 10.0})
    with pytest.raises(UserError, match=r'depth with max_value=10\.0'):
        init_model(config, path)


@pytest.mark.parametrize('meta', [None, [], 'x', {'dataset_meta': None}])
def test_meta_that_says_nothing_leaves_the_classes_of_the_config(
    pixel_config: Path, state: dict, tmp_path: Path, meta: object
) -> None:
    path = tmp_path / 'odd.pth'
    torch.save({'state_dict': state, 'meta': meta}, path)
    model = init_model(pixel_config, path)
    assert model.scale.item() == 2
    assert list(model.dataset_meta['classes']) == ['blue', 'red']


@pytest.mark.parametrize('device', ['gpu', 'cuda:99', ''])
def test_a_device_that_is_not_there_is_named(
    pixel_config: Path, device: str
) -> None:
    with pytest.raises(UserError, match=f"device '{device}' cannot be used"):
        init_model(pixel_config, device=device)


def test_options_change_a_file_and_a_config_alike(pixel_config: Path) -> None:
    options = {'model.data_preprocessor.size_divisor': 16}
    config = Config.fromfile(pixel_config)
    for given in (pixel_config, config):
        model = init_model(given, cfg_options=options)
        assert model.data_preprocessor.size_divisor == 16
    # The caller's config stays as it is.
    assert config.model.data_preprocessor.size_divisor == 8


def test_synchronised_norms_become_ordinary_ones(
    pixel_config: Path, weights: Path
) -> None:
    """A single process has nobody to synchronise with."""
    options = {'model.norm': 'SyncBatchNorm'}
    model = init_model(pixel_config, weights, cfg_options=options)
    assert 'SyncBatchNorm' not in repr(model)
    assert 'BatchNorm' in repr(model)


def test_checkpoint_of_another_model_is_refused_by_name(
    pixel_config: Path, state: dict, tmp_path: Path
) -> None:
    state['head.weight'] = state.pop('scale')
    path = tmp_path / 'other.pth'
    torch.save({'state_dict': state}, path)
    with pytest.raises(ForeignCheckpointError) as error:
        init_model(pixel_config, path)
    assert '1 missing (scale), 1 unexpected (head.weight)' in str(error.value)


def test_spoiled_weights_are_refused(
    pixel_config: Path, state: dict, weights: Path
) -> None:
    state['scale'].fill_(1.2345678)  # four bytes that are found once
    torch.save({'state_dict': state}, weights)
    content = bytearray(weights.read_bytes())
    content[content.index(state['scale'].numpy().tobytes())] ^= 1
    weights.write_bytes(content)
    with pytest.raises(UnreadableCheckpointError, match='not what was saved'):
        init_model(pixel_config, weights)
    state['scale'] *= torch.nan
    torch.save({'state_dict': state}, weights)
    with pytest.raises(
        SpoiledCheckpointError, match='scale has 1 of 1 values not finite'
    ):
        init_model(pixel_config, weights)


def test_checkpoint_with_code_is_refused(
    pixel_config: Path, tmp_path: Path, capfd: pytest.CaptureFixture
) -> None:
    path = tmp_path / 'bad.pth'
    torch.save({'state_dict': Payload()}, path)
    with pytest.raises(UnsafeCheckpointError, match=r'bad\.pth'):
        init_model(pixel_config, path)
    assert 'payload ran' not in capfd.readouterr().out


def test_missing_files_are_named(pixel_config: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r'none\.pth'):
        init_model(pixel_config, tmp_path / 'none.pth')
    with pytest.raises(UserError, match=r'none\.py'):
        init_model(tmp_path / 'none.py')


def test_unknown_data_set_is_named(pixel_config: Path) -> None:
    options = {'test_dataloader.dataset.type': 'NYUDv3Dataset'}
    with pytest.raises(UserError, match="'NYUDv3Dataset'"):
        init_model(pixel_config, cfg_options=options)
