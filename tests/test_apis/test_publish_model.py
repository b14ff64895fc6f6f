"""From a checkpoint to the two files of a model that comes by name."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config

from mmmtl import zoo
from mmmtl.apis import MultiTaskInferencer, init_model, publish_model
from tests.tiny import demt


@pytest.fixture
def config() -> Config:
    pipeline = [
        dict(type='LoadImageFromFile'),
        dict(type='Resize', scale=(64, 48), keep_ratio=True),
        dict(type='LoadMultiTaskAnnotations'),
        dict(type='PackMultiTaskInputs'),
    ]
    dataset = dict(
        type='NYUDv2Dataset',
        data_root='absent',
        split='val',
        tasks=['semseg', 'depth', 'normals', 'edge'],
        metainfo=dict(classes=list('abcde'), palette=[[9, 9, 9]] * 5),
        pipeline=pipeline,
    )
    model = demt()
    model['backbone']['init_cfg'] = dict(
        type='Pretrained', checkpoint='absent.pth'
    )
    return Config(
        dict(
            default_scope='mmmtl',
            model=model,
            test_dataloader=dict(dataset=dataset),
        )
    )


@pytest.fixture
def published(
    config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """The folder of a model called `tiny`, which is in the zoo."""
    torch.manual_seed(1)
    model = init_model(config)
    state = model.state_dict()
    # A variance that half precision cannot hold.
    name = next(k for k in state if k.endswith('running_var'))
    state[name] += 1e5
    path = tmp_path / 'trained.pth'
    torch.save(dict(state_dict=state, optimizer=dict(state=1)), path)
    folder = tmp_path / 'zoo/tiny'
    size = publish_model(config, path, folder)
    assert size == (folder / 'weights.safetensors').stat().st_size
    assert size < 0.7 * path.stat().st_size
    monkeypatch.setattr(zoo, '__file__', str(tmp_path / 'zoo/__init__.py'))
    return folder


def test_a_published_model_predicts_the_same_by_its_name(
    published: Path, config: Config
) -> None:
    """Within what half precision of kernels costs."""
    image = np.random.default_rng(0).integers(
        256, size=(96, 128, 3), dtype=np.uint8
    )
    by_name = MultiTaskInferencer('tiny', device='cpu')
    before = MultiTaskInferencer(
        config, published.parents[1] / 'trained.pth', device='cpu'
    )
    found, want = by_name(image), before(image)
    assert found['depth'].shape == (96, 128)
    assert np.allclose(found['depth'], want['depth'], atol=2e-2)
    assert np.allclose(found['normals'], want['normals'], atol=2e-2)
    assert (found['semseg'] == want['semseg']).mean() > 0.98
    meta = by_name.model.dataset_meta
    assert list(meta['classes']) == list('abcde')


def test_kernels_are_halved_and_variances_are_not(published: Path) -> None:
    from safetensors.torch import load_file

    state = load_file(published / 'weights.safetensors')
    assert all(t.isfinite().all() for t in state.values())
    kinds = {t.dtype for n, t in state.items() if n.endswith('running_var')}
    assert kinds == {torch.float32}
    wide = {t.dtype for t in state.values() if t.ndim == 4}
    assert wide == {torch.float16}


def test_the_config_asks_for_no_other_weights(published: Path) -> None:
    config = Config.fromfile(published / 'config.py')
    assert config.model.backbone.init_cfg is None
    assert 'test_dataloader' not in config
    assert config.test_pipeline[1].scale == (64, 48)
