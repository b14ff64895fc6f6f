"""MQTransformer against outputs of its released code (in tests/data)."""

import numpy as np
import pytest
import torch
from mmengine.model import revert_sync_batchnorm

from mmmtl.converters import convert_mqtransformer
from mmmtl.engine.config import load_config
from mmmtl.registry import MODELS, build_in_scope
from tests.reference_weights import (
    load_fixture,
    reference_input,
    reference_state_dict,
    released_sign,
)

NAME = 'mqtransformer_swin-t_nyud'


@pytest.fixture(scope='module')
def fixture():
    spec, want = load_fixture(NAME)
    return spec, want, reference_state_dict(spec)


def build(repo_root, state, **head):
    config = load_config(repo_root / f'configs/mqtransformer/{NAME}.py')
    config.model.backbone.init_cfg = None
    config.model.decode_head.update(head)
    model = build_in_scope(MODELS, config.model)
    model = revert_sync_batchnorm(model).eval()
    converted, settings = convert_mqtransformer(state)
    assert settings == {'model.decode_head.depth': '1'}
    model.load_state_dict(converted, strict=True)
    return model


def logits_of(model, spec):
    with torch.no_grad():
        return model(reference_input(spec), mode='tensor')


@pytest.mark.parametrize('scope', ['sample', 'batch'])
def test_outputs_equal_the_released_code(fixture, repo_root, scope):
    spec, want, state = fixture
    model = build(repo_root, state, attn_scope=scope)
    with torch.no_grad():
        features = model.backbone(reference_input(spec))
    for level, feature in enumerate(features):
        np.testing.assert_allclose(
            feature[:, :8, ::2, ::2],
            want[f'feat/{level}'],
            rtol=0,
            atol=5e-5,
        )
    outputs = logits_of(model, spec)
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


@pytest.mark.parametrize(
    'reading', [dict(attn_scope='tokens'), dict(residual='sequential')]
)
def test_the_paper_s_readings_are_other_models(fixture, repo_root, reading):
    """They must not pass for the released one."""
    spec, want, state = fixture
    outputs = logits_of(build(repo_root, state, **reading), spec)
    stride = spec['outputs']['out/semseg']
    far = np.abs(
        outputs['semseg'][..., ::stride, ::stride].numpy() - want['out/semseg']
    ).max()
    assert far > 0.1 * np.abs(want['out/semseg']).max()
