"""The converter of MQTransformer checkpoints: names, shapes, refusals."""

import pytest
import torch

from mmmtl.converters import (
    CONVERTERS,
    ConversionError,
    convert_demt,
    convert_mqtransformer,
)
from tests.reference_weights import load_fixture, reference_state_dict

BLOCK = 'head.parts_query_encoder_decoder_blocks.0.'


@pytest.fixture(scope='module')
def state():
    spec, _ = load_fixture('mqtransformer_swin-t_nyud')
    return reference_state_dict(spec)


def test_only_what_is_never_used_is_dropped(state):
    converted, settings = convert_mqtransformer(state)
    left_out = {
        key: tensor
        for key, tensor in state.items()
        if key.startswith('head.patch_embed.')
        or key.startswith(f'{BLOCK}decoder1.attn2.')
        or key.startswith(f'{BLOCK}decoder1.rel_pos.')
    }
    assert sum(t.numel() for t in left_out.values()) == 1_313_728
    assert len(converted) == len(state) - len(left_out)
    kept = sum(t.numel() for t in converted.values())
    assert kept == sum(t.numel() for t in state.values()) - 1_313_728
    assert settings == {'model.decode_head.depth': '1'}


def test_convention_normals_come_out_in_our_frame(state):
    converted, _ = convert_mqtransformer(state)
    for task, sign in (('normals', -1), ('depth', 1)):
        for end in ('weight', 'bias'):
            released = state[f'head.final_logits.{task}.{end}']
            place = f'decode_head.output_blocks.{task}.classifier.{end}'
            assert released.any()
            assert torch.equal(converted[place], sign * released)
    # The layer before the output is not a direction and stays.
    place = 'decode_head.output_blocks.normals.bottleneck.0.weight'
    assert torch.equal(
        converted[place], state['head.bottleneck.normals.conv.weight']
    )


def test_queries_lose_their_axes_of_length_one(state):
    converted, _ = convert_mqtransformer(state)
    block = 'decode_head.blocks.0.'
    for ours, theirs in (
        ('queries', 'rpn_tokens'),
        ('query_positions', 'rpn_qpos'),
        ('key_positions', 'rpn_kpos'),
    ):
        found = converted[f'{block}{ours}.normals']
        released = state[f'{BLOCK}{theirs}.2']  # the third task
        assert found.ndim == 2
        assert torch.equal(found.flatten(), released.flatten())
    reason = converted[f'{block}encoder.reason.weight']
    assert torch.equal(
        reason, state[f'{BLOCK}encoder1.reason.linear.weight'][..., 0]
    )


def test_a_second_block_is_refused(state):
    more = {
        key.replace(BLOCK, BLOCK.replace('0', '1')): tensor
        for key, tensor in state.items()
    }
    with pytest.raises(ConversionError, match='has 2 blocks of encoder'):
        convert_mqtransformer({**state, **more})


def test_saliency_gets_its_name(state):
    renamed = {key.replace('.edge.', '.sal.'): t for key, t in state.items()}
    converted, _ = convert_mqtransformer(renamed)
    name = 'decode_head.output_blocks.saliency.classifier.weight'
    assert name in converted
    assert 'decode_head.blocks.0.queries.saliency' in converted


@pytest.mark.parametrize(
    ('extra', 'message'),
    [
        ({'head.surprise.weight': torch.zeros(1)}, 'head.surprise.weight'),
        ({f'{BLOCK}encoder1.x': torch.zeros(1)}, r'encoder1\.x'),
        ({f'{BLOCK}rpn_tokens.4': torch.zeros(1)}, r'rpn_tokens\.4'),
        (
            {'head.final_logits.flow.weight': torch.zeros(1)},
            r"unknown tasks \['flow'\]",
        ),
    ],
)
def test_unknown_keys_are_refused_by_name(state, extra, message):
    with pytest.raises(ConversionError, match=message):
        convert_mqtransformer({**state, **extra})


@pytest.mark.parametrize(
    'lost',
    [
        'backbone.',
        'head.linears.2.weight',
        'head.bottleneck.edge.bn.running_var',
        f'{BLOCK}rpn_kpos.',
        f'{BLOCK}rpn_kpos.1',
        f'{BLOCK}decoder1.ffn2.',
        f'{BLOCK}mhsa_1.',
    ],
)
def test_an_incomplete_file_is_refused(state, lost):
    cut = {k: t for k, t in state.items() if not k.startswith(lost)}
    with pytest.raises(ConversionError, match='incomplete'):
        convert_mqtransformer(cut)


def test_checkpoints_of_the_sister_method_are_refused(state):
    sister = reference_state_dict(load_fixture('demt_swin-t_nyud')[0])
    with pytest.raises(ConversionError, match='MQTransformer checkpoint: hea'):
        convert_mqtransformer(sister)
    with pytest.raises(ConversionError, match='DeMT checkpoint: head'):
        convert_demt(state)


def test_the_command_knows_the_method():
    assert CONVERTERS['mqtransformer'] is convert_mqtransformer
