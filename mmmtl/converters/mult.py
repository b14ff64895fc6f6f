"""From checkpoints of the released MulT code to ours.

Source layout: IVRL/MulT at d71bcbe, a checkpoint of mmcv 1.x whose
``state_dict`` has the prefixes ``backbone.`` and ``decode_head.``. Read are
the files of one task whose first block shares (class SwinTransformerSCA1).
"""

from __future__ import annotations

import re
from collections.abc import Mapping

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

_STAGES = 4
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
        ConversionError: If a key is unknown or a part is missing.
    """
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
    return converted, {'model.decode_head.blocks': str(list(_BLOCKS))}


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
    """Refuse a file that lacks a part: all stages have the same tensors."""
    missing = [
        part
        for part in ('backbone.patch_embed.', 'backbone.norm3.')
        if not any(name.startswith(part) for name in converted)
    ]
    prefix = f'{HEAD}stages.'
    by_stage = [
        {
            name.removeprefix(f'{prefix}{stage}.')
            for name in converted
            if name.startswith(f'{prefix}{stage}.')
        }
        for stage in range(_STAGES)
    ]
    every = set().union(*by_stage)
    for stage, names in enumerate(by_stage):
        last = stage == _STAGES - 1  # nothing to upsample to
        missing += [
            f'{prefix}{stage}.{name}'
            for name in sorted(every - names)
            if not (last and name.startswith('upsampling.'))
        ]
    if not every:
        missing.append(prefix)
    if f'{HEAD}classifiers.{task}.bias' not in converted:
        missing.append(f'{HEAD}classifiers.{task}.bias')
    refuse_missing(missing)
