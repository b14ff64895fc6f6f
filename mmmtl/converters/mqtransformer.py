"""From checkpoints of the released MQTransformer code to ours.

Source layout: yangyangxu0/MQTransformer at eb9e5c4, a Lightning checkpoint
whose ``state_dict`` has the prefixes ``backbone.`` and ``head.``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from torch import Tensor

from mmmtl.converters.atrc_family import (
    ATTENTION,
    BACKBONE_RULE,
    check_complete,
    read_tasks,
)
from mmmtl.converters.key_rules import (
    AFFINE,
    HEAD,
    NORM,
    ConversionError,
    Rule,
    rename_keys,
)
from mmmtl.converters.normals_frame import turn_normals

_BLOCK = r'head\.parts_query_encoder_decoder_blocks\.(\d+)\.'
_OURS = rf'{HEAD}blocks.\1.'
_QUERY_ATTENTION = (
    r'(norm_[qkv]\.weight|norm_[qkv]\.bias|to_[qkv]\.weight'
    r'|proj\.weight|proj\.bias)'
)
_MLP = r'((?:norm|fc1|fc2)\.(?:weight|bias))'
# Stored by the released model, and never used.
_DEAD = (
    r'head\.patch_embed\.(projection|norm)\.(weight|bias)',
    rf'{_BLOCK}decoder1\.attn2\.{_QUERY_ATTENTION}',
    rf'{_BLOCK}decoder1\.rel_pos\.rel_emb_[hw]',
)
_SHARED = (
    ('encoder1.enc_attn', 'encoder.attention', _QUERY_ATTENTION),
    ('encoder1.reason.norm', 'encoder.reason_norm', AFFINE),
    ('encoder1.reason.linear', 'encoder.reason', r'(weight)'),
    ('encoder1.enc_ffn', 'encoder.mlp', _MLP),
    ('decoder1.attn1', 'decoder.attention', _QUERY_ATTENTION),
    ('decoder1.ffn1', 'decoder.mlp1', _MLP),
    ('decoder1.mhsa', 'decoder.self_attention', ATTENTION),
    ('decoder1.ffn2', 'decoder.mlp2', _MLP),
    ('mhsa_1', 'exchange.attention', ATTENTION),
    ('norm_layer', 'exchange.norm', AFFINE),
    ('ffn_mlp', 'exchange.mlp', _MLP),
)
_PER_TASK = (
    ('rpn_tokens', 'queries'),
    ('rpn_qpos', 'query_positions'),
    ('rpn_kpos', 'key_positions'),
)


def convert_mqtransformer(
    state_dict: Mapping[str, Tensor],
) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Convert the tensors of a released MQTransformer checkpoint.

    The order of the tasks is that of the output layers in the file. The
    output layer of normals is negated, so that they come out in our frame.

    Args:
        state_dict: The authors' tensors.

    Returns:
        Our tensors, and the config settings that the file asks for (by
        their dotted path).

    Raises:
        ConversionError: If a key is unknown or missing, a task unknown, or
            there is more than one block.
    """
    tasks = read_tasks(state_dict, 'MQTransformer')
    renamed = rename_keys(state_dict, _rules(tasks), 'MQTransformer')
    check_complete(
        renamed,
        tasks.values(),
        parts=(
            'backbone.',
            *(f'{HEAD}blocks.0.{ours}.' for _, ours, _ in _SHARED),
        ),
        groups=(
            'projections',
            'output_blocks',
            *(f'blocks.0.{ours}' for _, ours in _PER_TASK),
        ),
    )
    _check_depth(renamed)
    output = f'{HEAD}output_blocks.normals.classifier'
    turned = turn_normals(renamed, [output])
    return (
        {key: _reshape(key, tensor) for key, tensor in turned.items()},
        {'model.decode_head.depth': '1'},
    )


def _rules(tasks: Mapping[str, str]) -> list[Rule]:
    rules: list[Rule] = [BACKBONE_RULE, *((dead, None) for dead in _DEAD)]
    rules += [
        (_BLOCK + re.escape(theirs) + rf'\.{end}', rf'{_OURS}{ours}.\2')
        for theirs, ours, end in _SHARED
    ]
    for index, (theirs, ours) in enumerate(tasks.items()):
        rules += [
            (rf'{_BLOCK}{old}\.{index}', rf'{_OURS}{new}.{ours}')
            for old, new in _PER_TASK
        ]
        rules += [
            (
                rf'head\.linears\.{index}\.{AFFINE}',
                rf'{HEAD}projections.{ours}.linear.\1',
            ),
            (
                rf'head\.bottleneck\.{theirs}\.conv\.(weight)',
                rf'{HEAD}output_blocks.{ours}.bottleneck.0.\1',
            ),
            (
                rf'head\.bottleneck\.{theirs}\.bn\.{NORM}',
                rf'{HEAD}output_blocks.{ours}.bottleneck.1.\1',
            ),
            (
                rf'head\.final_logits\.{theirs}\.{AFFINE}',
                rf'{HEAD}output_blocks.{ours}.classifier.\1',
            ),
        ]
    return rules


def _reshape(key: str, tensor: Tensor) -> Tensor:
    """Drop the axes of length 1 that our parameters do not have."""
    if re.search(r'\.(queries|query_positions|key_positions)\.\w+$', key):
        return tensor.reshape(tensor.shape[1], tensor.shape[-1])
    if key.endswith('encoder.reason.weight'):
        return tensor.flatten(1)  # a convolution of length 1
    return tensor


def _check_depth(renamed: Mapping[str, Tensor]) -> None:
    """Refuse several blocks: no release shows how one feeds the next."""
    blocks = (re.match(rf'{HEAD}blocks\.(\d+)\.', key) for key in renamed)
    count = len({match[1] for match in blocks if match})
    if count > 1:
        raise ConversionError(
            f'the checkpoint has {count} blocks of encoder and decoder; only '
            'the released form with one is known'
        )
