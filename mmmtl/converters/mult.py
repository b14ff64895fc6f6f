"""From checkpoints of the released MulT code to ours.

Source layout: IVRL/MulT at d71bcbe, a checkpoint of mmcv 1.x whose
``state_dict`` has the prefixes ``backbone.`` and ``decode_head.``. Read are
the files of one task whose first block shares (class SwinTransformerSCA1)
and those of two tasks whose second block lends the map of the depth stream
to segmentation (SwinTransformerDEA1). The key names of the other classes are
not known; they are told from these by what differs for certain, the shapes of
the attentions.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

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
from mmmtl.tasks import get_task

# Depths of the encoder. The third stage has 6 blocks in Swin-T, else 18.
_DEPTHS = (2, 2, 6, 2)
_DEEP_DEPTHS = (2, 2, 18, 2)


@dataclass(frozen=True)
class _Form:
    """A released decoder.

    Attributes:
        name: The end of the class's name.
        tasks: Task by the end of the names of its layers.
        blocks: Kinds of a stage's blocks, by the names of our head.
        projections: Block by block the attention's layers that are not the
            output, and their rows over their columns.
        settings: Config settings beside those of the outputs.
    """

    name: str
    tasks: Mapping[str, str]
    blocks: tuple[str, str]
    projections: tuple[Mapping[str, int], Mapping[str, int]]
    settings: Mapping[str, str]

    def output(self, end: str) -> str:
        """Return the key, less weight and bias, of a task's last layer."""
        return f'{HEAD}conv{end if end == "_de" else "_seg"}'


def _one_task(task: str) -> _Form:
    return _Form(
        name='SCA1',
        tasks={'': task},
        blocks=('shared_skip', 'private'),
        projections=({'qk': 2, 'v': 1}, {'qkv': 3}),
        settings={},
    )


_TWO_TASKS = _Form(
    name='DEA1',
    tasks={'_se': 'semseg', '_de': 'depth'},
    blocks=('shared_skip', 'shared_stream'),
    projections=(
        {'qk': 2, 'v_se': 1, 'v_de': 1},
        {'qkv_de': 3, 'v_se': 1},
    ),
    settings={'model.decode_head.reference_task': 'depth'},
)


def convert_mult(
    state_dict: Mapping[str, Tensor],
) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Convert the tensors of a released MulT checkpoint.

    A file of one task is of semantic segmentation where the output has
    several channels, else of depth; the released code knows no other. A file
    of two has both.

    Args:
        state_dict: The authors' tensors.

    Returns:
        Our tensors, and the config settings that the file asks for (by
        their dotted path).

    Raises:
        ConversionError: If the file is of another released class, a key is
            unknown, or a part is missing.
    """
    form = _form_of(state_dict)
    _check_class(state_dict, form)
    renamed = rename_keys(
        state_dict,
        [*SWIN_RULES, *_head_rules(form)],
        f'MulT ({form.name})',
    )
    converted = dict(_split_qkv(reorder_merging(renamed)))
    _check_complete(converted, form)
    settings = {
        'model.decode_head.blocks': str(list(form.blocks)),
        **form.settings,
    }
    for task in form.tasks.values():
        where = f'model.decode_head.tasks.{task}'
        if task == 'depth':
            # The released code multiplies a sigmoid with 10 metres.
            settings[f'{where}.max_value'] = '10.0'
        else:
            weight = converted[f'{HEAD}classifiers.{task}.weight']
            settings[f'{where}.out_channels'] = str(weight.shape[0])
    return converted, settings


def _form_of(state_dict: Mapping[str, Tensor]) -> _Form:
    # Of two tasks each has norms and layers of its own, whatever the class.
    if any(re.match(rf'{HEAD}.*_[ds]e\.', key) for key in state_dict):
        return _TWO_TASKS
    output = state_dict.get(f'{HEAD}conv_seg.weight')
    if output is None:
        raise ConversionError(
            f'no key {HEAD}conv_seg.weight: this is not a checkpoint of the '
            'released MulT code'
        )
    return _one_task('semseg' if output.shape[0] > 1 else 'depth')


def _check_class(state_dict: Mapping[str, Tensor], form: _Form) -> None:
    """Refuse files of the other released classes, as far as they show it."""
    for key, tensor in state_dict.items():
        if _is_foreign_projection(key, tensor, form):
            raise ConversionError(
                f'{key} of shape {list(tensor.shape)} is no projection of '
                f'SwinTransformer{form.name}, whose blocks have '
                f'{_describe(form)}: of the released classes only '
                'SwinTransformerSCA1 (one task) and SwinTransformerDEA1 (two '
                'tasks) can be read; the key names of the others (SCA2-4, '
                'COA, ICA, PUP, MLA, DEA2-4) are not known. Give a file of '
                'these two, or train a config of configs/mult'
            )


def _describe(form: _Form) -> str:
    return ', then '.join(
        ' and '.join(
            f'{name} ({ratio if ratio > 1 else ""}d, d)'
            for name, ratio in layers.items()
        )
        for layers in form.projections
    )


def _is_foreign_projection(key: str, tensor: Tensor, form: _Form) -> bool:
    match = re.fullmatch(
        r'decode_head\.layers\.\d\.blocks\.([01])\.attn\.(\w+)\.weight', key
    )
    if match is None or match[2].startswith('proj'):
        return False
    ratio = form.projections[int(match[1])].get(match[2])
    return (
        ratio is None
        or tensor.ndim != 2
        or tensor.shape[0] != ratio * tensor.shape[1]
    )


def _head_rules(form: _Form) -> list[Rule]:
    rules: list[Rule] = []
    for end, task in form.tasks.items():
        upsample = rf'decode_head\.layers\.(\d)\.upsample{end}\.'
        ours = rf'{HEAD}stages.\1.upsampling.{task}.'
        rules += [
            (
                rf'{re.escape(form.output(end))}\.{AFFINE}',
                rf'{HEAD}classifiers.{task}.\1',
            ),
            (rf'{upsample}norm\.{AFFINE}', rf'{ours}norm.\2'),
            (rf'{upsample}reduction\.(weight)', rf'{ours}reduction.\2'),
        ]
    for index, kind in enumerate(form.blocks):
        block = rf'decode_head\.layers\.(\d)\.blocks\.{index}\.'
        # A map in common is a group's of that name, another its task's.
        (own,) = form.tasks.values() if kind == 'private' else ('shared',)
        ours = rf'{HEAD}stages.\1.blocks.{index}.{own}.'
        rules += [
            # Computed from the window's side.
            (rf'{block}attn\.relative_position_index', None),
            (
                rf'{block}attn\.relative_position_bias_table',
                rf'{ours}bias.table',
            ),
            (rf'{block}attn\.qk\.{AFFINE}', rf'{ours}query_key.\2'),
        ]
        for end, task in form.tasks.items():
            stream = rf'{ours}streams.{task}.'
            rules += [
                (rf'{block}(norm[12]){end}\.{AFFINE}', rf'{stream}\2.\3'),
                (rf'{block}attn\.v{end}\.{AFFINE}', rf'{stream}value.\2'),
                (rf'{block}attn\.qkv{end}\.{AFFINE}', rf'{stream}qkv.\2'),
                (
                    rf'{block}attn\.proj{end}\.{AFFINE}',
                    rf'{stream}projection.\2',
                ),
                (rf'{block}mlp{end}\.fc1\.{AFFINE}', rf'{stream}mlp.0.\2'),
                (rf'{block}mlp{end}\.fc2\.{AFFINE}', rf'{stream}mlp.2.\2'),
            ]
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


def _check_complete(converted: Mapping[str, Tensor], form: _Form) -> None:
    """Refuse a file that lacks a part, or has one too many."""
    third = [
        int(match[1])
        for name in converted
        if (match := re.match(r'backbone\.stages\.2\.blocks\.(\d+)\.', name))
    ]
    deep = max(third, default=0) >= _DEPTHS[2]
    expected = _expected(form, _DEEP_DEPTHS if deep else _DEPTHS)
    missing = sorted(expected - converted.keys())
    refuse_missing(missing)
    more = sorted(converted.keys() - expected)
    if more:
        raise ConversionError(
            f'{len(more)} parts are not of a MulT ({form.name}) checkpoint '
            f'(here under our names): {", ".join(more[:4])}: give a file of '
            'the released code'
        )


def _expected(form: _Form, depths: Sequence[int]) -> set[str]:
    """Return the names that encoder and head have for these tasks."""
    from mmseg.models.backbones import SwinTransformer

    from mmmtl.models.mult import SharedAttentionHead

    # Names do not depend on widths.
    heads = [1] * len(depths)
    backbone = SwinTransformer(embed_dims=2, depths=depths, num_heads=heads)
    head = SharedAttentionHead(
        tasks={
            task: {'out_channels': get_task(task).kind.out_channels(2)[0]}
            for task in form.tasks.values()
        },
        in_channels=[2 * 2**level for level in range(len(depths))],
        num_heads=heads,
        blocks=form.blocks,
    )
    return {f'backbone.{key}' for key in backbone.state_dict()} | {
        f'{HEAD}{key}' for key in head.state_dict()
    }
