"""MulT against the outputs of its released code for one task (SCA1)."""

import numpy as np
import pytest
import torch

from mmmtl.converters import convert_mult
from mmmtl.registry import MODELS, build_in_scope
from tests.reference_weights import (
    load_fixture,
    reference_input,
    reference_state_dict,
)


@pytest.fixture(scope='module')
def fixture():
    spec, want = load_fixture('mult_sca1_swin-t_nyud')
    return spec, want, convert_mult(reference_state_dict(spec))[0]


def build(blocks=('shared_skip', 'private')):
    model = dict(
        type='MultiTaskSegmentor',
        backbone=dict(
            type='SwinTransformer',
            embed_dims=96,
            depths=[2, 2, 6, 2],
            num_heads=[3, 6, 12, 24],
            window_size=7,
        ),
        decode_head=dict(
            type='SharedAttentionHead',
            tasks=dict(semseg=dict(out_channels=41)),
            in_channels=[96, 192, 384, 768],
            num_heads=[3, 6, 12, 24],
            blocks=blocks,
        ),
    )
    return build_in_scope(MODELS, model).eval()


def run(model, state, image):
    model.load_state_dict(state, strict=True)
    with torch.no_grad():
        features = model.backbone(image)
        low = model.decode_head(features)['semseg']
        return features, low, model(image, mode='tensor')['semseg']


def test_outputs_equal_the_released_code(fixture):
    spec, want, state = fixture
    features, low, logits = run(build(), state, reference_input(spec))
    for level, feature in enumerate(features):
        np.testing.assert_allclose(
            feature[:, :8, ::2, ::2],
            want[f'feat/{level}'],
            rtol=0,
            atol=5e-5,
        )
    found = {'low/semseg': low, 'out/semseg': logits}
    assert found.keys() == spec['outputs'].keys()
    for key, stride in spec['outputs'].items():
        maps = found[key]
        np.testing.assert_allclose(
            maps[..., ::stride, ::stride], want[key], rtol=0, atol=2e-4
        )
        area = maps.shape[-2] * maps.shape[-1]
        np.testing.assert_allclose(
            maps.double().sum((2, 3)) / area,
            want[f'chansum/{key}'] / area,
            rtol=0,
            atol=5e-5,
        )


def test_the_paper_s_order_is_another_model(fixture):
    """The same tensors in the paper's order must not pass for SCA1."""
    spec, want, state = fixture
    swapped = {
        name.replace('.blocks.0.shared.', '.blocks.1.shared.')
        if name.startswith('decode_head.')
        else name: tensor
        for name, tensor in state.items()
    }
    swapped = {
        name.replace('.blocks.1.semseg.', '.blocks.0.semseg.'): tensor
        for name, tensor in swapped.items()
    }
    model = build(('private', 'shared_skip'))
    low = run(model, swapped, reference_input(spec))[1].numpy()
    far = np.abs(low - want['low/semseg']).max()
    assert far > 0.1 * np.abs(want['low/semseg']).max()
