"""DeMT against the outputs of its released code (fixture in tests/data)."""

import numpy as np
import pytest
import torch
from mmengine.model import revert_sync_batchnorm

from mmmtl.converters import convert_demt
from mmmtl.engine.config import load_config
from mmmtl.registry import MODELS, build_in_scope
from tests.reference_weights import (
    load_fixture,
    reference_input,
    reference_state_dict,
    released_sign,
)

NAME = 'demt_swin-t_nyud'


@pytest.fixture(scope='module')
def fixture():
    spec, want = load_fixture(NAME)
    return spec, want, reference_state_dict(spec)


def build(repo_root, **head):
    config = load_config(repo_root / f'configs/demt/{NAME}.py')
    config.model.backbone.init_cfg = None
    config.model.decode_head.update(head)
    model = build_in_scope(MODELS, config.model)
    return revert_sync_batchnorm(model).eval()


@pytest.mark.parametrize('backend', ['torch', 'torchvision', 'auto'])
def test_outputs_equal_the_released_code(fixture, repo_root, backend):
    spec, want, state = fixture
    model = build(repo_root)
    for module in model.neck.modules():
        if hasattr(module, 'backend'):
            module.backend = backend
    converted, settings = convert_demt(state)
    assert settings == {'model.neck.block_order': 'mix_gather'}
    model.load_state_dict(converted, strict=True)
    with torch.no_grad():
        image = reference_input(spec)
        outputs = model(image, mode='tensor')
        features = model.backbone(image)
    for level, feature in enumerate(features):
        np.testing.assert_allclose(
            feature[:, :8, ::2, ::2],
            want[f'feat/{level}'],
            rtol=0,
            atol=5e-5,
        )
    assert list(outputs) == list(spec['tasks'])
    for key, stride in spec['outputs'].items():
        logits = outputs[key.removeprefix('out/')] * released_sign(key)
        np.testing.assert_allclose(
            logits[..., ::stride, ::stride], want[key], rtol=0, atol=2e-4
        )
        area = logits.shape[-2] * logits.shape[-1]
        np.testing.assert_allclose(
            logits.double().sum((2, 3)) / area,
            want[f'chansum/{key}'] / area,
            rtol=0,
            atol=5e-5,
        )


def test_batch_scope_equals_the_released_code_for_one_image(
    fixture, repo_root
):
    spec, want, state = fixture
    model = build(repo_root, attn_scope='batch')
    model.load_state_dict(convert_demt(state)[0], strict=True)
    with torch.no_grad():
        outputs = model(reference_input(spec), mode='tensor')
    for key, stride in spec['outputs'].items():
        logits = outputs[key.removeprefix('out/')] * released_sign(key)
        np.testing.assert_allclose(
            logits[..., ::stride, ::stride], want[key], rtol=0, atol=2e-4
        )


def test_tokens_scope_is_another_model(fixture, repo_root):
    """Attention over all pixels must not pass for the released one."""
    spec, want, state = fixture
    model = build(repo_root, attn_scope='tokens')
    model.load_state_dict(convert_demt(state)[0], strict=True)
    with torch.no_grad():
        outputs = model(reference_input(spec), mode='tensor')
    stride = spec['outputs']['out/semseg']
    far = np.abs(
        outputs['semseg'][..., ::stride, ::stride].numpy() - want['out/semseg']
    ).max()
    assert far > 0.1 * np.abs(want['out/semseg']).max()
