"""From checkpoints of the released MulT code to ours.

Source layout: IVRL/MulT at d71bcbe, a checkpoint of mmcv 1.x whose
``state_dict`` has the prefixes ``backbone.`` and ``decode_head.``. Read are
the files of one task whose first block shares (class SwinTransformerSCA1).
The key names of the other classes are not known; they are told from SCA1 by
what differs for certain, the outputs and the shapes of the attentions.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from torch import Tensor

from mmmtl.converters.key_rules import (
    AFFINE,
    HEAD,
    ConversionError,
    Rule,
    refuse_missing,
    rename_keys,
)
from mmmtl.converters.swin import SWIN_RULES, reorder_merging

# Depths of the encoder. The third stage has 6 blocks in Swin-T, else 18.
_DEPTHS = (2, 2, 6, 2)
_DEEP_DEPTHS = (2, 2, 18, 2)
# Rows over columns of the projections that SCA1 has, block by block.
_PROJECTIONS = ({'qk': 2, 'v': 1}, {'qkv': 3})
# Blocks of the released decoder for one task, and the group that ours puts
# them in.
_BLOCKS = ('shared_skip', 'private')


def convert_mult(
    state_dict: Mapping[str, Tensor],
) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Convert the tensors of a released MulT checkpoint of one task.

    The task is semantic segmentation where the output has several channels,
    else depth; the released code knows no other.

    Args:
        state_dict: The authors' tensors.

    Returns:
        Our tensors, and the config settings that the file asks for (by
        their dotted path).

    Raises:
        ConversionError: If the file is of another released class, a key is
            unknown, or a part is missing.
    """
    _check_class(state_dict)
    output = state_dict.get(f'{HEAD}conv_seg.weight')
    if output is None:
        raise ConversionError(
            f'no key {HEAD}conv_seg.weight: this is not a checkpoint of the '
            'released MulT code for one task'
        )
    task = 'semseg' if output.shape[0] > 1 else 'depth'
    renamed = rename_keys(
        state_dict, [*SWIN_RULES, *_head_rules(task)], 'MulT (SCA1)'
    )
    converted = dict(_split_qkv(reorder_merging(renamed)))
    _check_complete(converted, task)
    settings = {'model.decode_head.blocks': str(list(_BLOCKS))}
    where = f'model.decode_head.tasks.{task}'
    if task == 'depth':
        # The released code multiplies a sigmoid with 10 metres.
        settings[f'{where}.max_value'] = '10.0'
    else:
        settings[f'{where}.out_channels'] = str(output.shape[0])
    return converted, settings


def _check_class(state_dict: Mapping[str, Tensor]) -> None:
    """Refuse files of the other released classes, as far as they show it."""
    for key, tensor in state_dict.items():
        if re.fullmatch(rf'{HEAD}conv_(?!seg\.)\w+\.weight', key):
            reason = f'{key} is an output of another task'
        elif _is_foreign_projection(key, tensor):
            reason = (
                f'{key} of shape {list(tensor.shape)} is no projection of '
                'SwinTransformerSCA1, whose blocks have qk (2d, d) and v '
                '(d, d), then qkv (3d, d)'
            )
        else:
            continue
        raise ConversionError(
            f'{reason}: of the released classes only SwinTransformerSCA1 of '
            'one task can be read; the key names of the others (SCA2-4, COA, '
            'ICA, PUP, MLA, and DEA1-4 for two tasks) are not known. Give a '
            'file of that class, or train a config of configs/mult'
        )


def _is_foreign_projection(key: str, tensor: Tensor) -> bool:
    match = re.fullmatch(
        r'decode_head\.layers\.\d\.blocks\.([01])\.attn\.(\w+)\.weight', key
    )
    if match is None or match[2] == 'proj':
        return False
    ratio = _PROJECTIONS[int(match[1])].get(match[2])
    return (
        ratio is None
        or tensor.ndim != 2
        or tensor.shape[0] != ratio * tensor.shape[1]
    )


def _head_rules(task: str) -> list[Rule]:
    rules: list[Rule] = [
        (
            rf'decode_head\.conv_seg\.{AFFINE}',
            rf'{HEAD}classifiers.{task}.\1',
        ),
        (
            rf'decode_head\.layers\.(\d)\.upsample\.norm\.{AFFINE}',
            rf'{HEAD}stages.\1.upsampling.{task}.norm.\2',
        ),
        (
            r'decode_head\.layers\.(\d)\.upsample\.reduction\.(weight)',
            rf'{HEAD}stages.\1.upsampling.{task}.reduction.\2',
        ),
    ]
    for index, kind in enumerate(_BLOCKS):
        block = rf'decode_head\.layers\.(\d)\.blocks\.{index}\.'
        group = 'shared' if kind.startswith('shared') else task
        ours = rf'{HEAD}stages.\1.blocks.{index}.{group}.'
        stream = rf'{ours}streams.{task}.'
        rules += [
            # Computed from the window's side.
            (rf'{block}attn\.relative_position_index', None),
            (
                rf'{block}attn\.relative_position_bias_table',
                rf'{ours}bias.table',
            ),
            (rf'{block}(norm[12]\.{AFFINE})', rf'{stream}\2'),
            (rf'{block}attn\.proj\.{AFFINE}', rf'{stream}projection.\2'),
            (rf'{block}mlp\.fc1\.{AFFINE}', rf'{stream}mlp.0.\2'),
            (rf'{block}mlp\.fc2\.{AFFINE}', rf'{stream}mlp.2.\2'),
        ]
        rules += (
            [
                (rf'{block}attn\.qk\.{AFFINE}', rf'{ours}query_key.\2'),
                (rf'{block}attn\.v\.{AFFINE}', rf'{stream}value.\2'),
            ]
            if kind == 'shared_skip'
            else [(rf'{block}attn\.qkv\.{AFFINE}', rf'{stream}qkv.\2')]
        )
    return rules


def _split_qkv(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Give query and key, and the value, layers of their own."""
    split = {}
    for name, tensor in tensors.items():
        match = re.fullmatch(r'(.*)\.(streams\.\w+)\.qkv\.(\w+)', name)
        if match is None:
            split[name] = tensor
            continue
        block, stream, end = match.groups()
        third = tensor.shape[0] // 3
        split[f'{block}.query_key.{end}'] = tensor[: 2 * third]
        split[f'{block}.{stream}.value.{end}'] = tensor[2 * third :]
    return split


def _check_complete(converted: Mapping[str, Tensor], task: str) -> None:
    """Refuse a file that lacks a part, or has one too many."""
    third = [
        int(match[1])
        for name in converted
        if (match := re.match(r'backbone\.stages\.2\.blocks\.(\d+)\.', name))
    ]
    deep = max(third, default=0) >= _DEPTHS[2]
    expected = _expected(task, _DEEP_DEPTHS if deep else _DEPTHS)
    missing = sorted(expected - converted.keys())
    refuse_missing(missing)
    more = sorted(converted.keys() - expected)
    if more:
        raise ConversionError(
            f'{len(more)} parts are not of a MulT (SCA1) checkpoint (here '
            f'under our names): {", ".join(more[:4])}: give a file of the '
            'released code'
        )


def _expected(task: str, depths: Sequence[int]) -> set[str]:
    """Return the names that encoder and head have for this task."""
    from mmseg.models.backbones import SwinTransformer

    from mmmtl.models.decode_heads import SharedAttentionHead

    # Names do not depend on widths.
    heads = [1] * len(depths)
    backbone = SwinTransformer(embed_dims=2, depths=depths, num_heads=heads)
    head = SharedAttentionHead(
        tasks={task: {'out_channels': 2} if task == 'semseg' else {}},
        in_channels=[2 * 2**level for level in range(len(depths))],
        num_heads=heads,
        blocks=_BLOCKS,
    )
    return {f'backbone.{key}' for key in backbone.state_dict()} | {
        f'{HEAD}{key}' for key in head.state_dict()
    }
