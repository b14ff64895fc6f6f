"""MulT against the outputs of its released code, one task and two."""

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

# Blocks by the end of the released class's name.
BLOCKS = {
    'sca1': ('shared_skip', 'private'),
    'dea1': ('shared_skip', 'shared_stream'),
}


def read(name):
    spec, want = load_fixture(f'mult_{name}_swin-t_nyud')
    return spec, want, convert_mult(reference_state_dict(spec))[0]


def build(tasks, blocks, reference=None):
    channels = {'semseg': dict(out_channels=41), 'depth': {}}
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
            tasks={task: channels[task] for task in tasks},
            in_channels=[96, 192, 384, 768],
            num_heads=[3, 6, 12, 24],
            blocks=blocks,
            reference_task=reference,
        ),
    )
    return build_in_scope(MODELS, model).eval()


def run(model, state, image):
    model.load_state_dict(state, strict=True)
    with torch.no_grad():
        features = model.backbone(image)
        return features, {
            f'{key}/{task}': maps
            for key, output in (
                ('low', model.decode_head(features)),
                ('out', model(image, mode='tensor')),
            )
            for task, maps in output.items()
        }


@pytest.mark.parametrize('name', BLOCKS)
def test_outputs_equal_the_released_code(name):
    spec, want, state = read(name)
    model = build(spec['tasks'], BLOCKS[name])
    features, found = run(model, state, reference_input(spec))
    for level, feature in enumerate(features):
        np.testing.assert_allclose(
            feature[:, :8, ::2, ::2],
            want[f'feat/{level}'],
            rtol=0,
            atol=5e-5,
        )
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


def test_the_paper_s_order_is_another_model():
    """The same tensors in the paper's order must not pass for SCA1."""
    spec, want, state = read('sca1')
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
    model = build(['semseg'], ('private', 'shared_skip'))
    assert_far(run(model, swapped, reference_input(spec))[1], want, 'semseg')


def test_the_map_is_that_of_the_depth_stream():
    """Queries and keys of the other stream must not pass for DEA1."""
    spec, want, state = read('dea1')
    model = build(spec['tasks'], BLOCKS['dea1'], reference='semseg')
    found = run(model, state, reference_input(spec))[1]
    for task in spec['tasks']:
        assert_far(found, want, task)


def assert_far(found, want, task):
    key = f'low/{task}'
    far = np.abs(found[key].numpy() - want[key]).max()
    assert far > 0.1 * np.abs(want[key]).max()
