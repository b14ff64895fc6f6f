"""From checkpoints of the released SCA-MTL code to ours.

Source layout: kimsunkyung/SCA_MTL at 8214866. Its checkpoints hold the
tensors under ``model``, its best-model files are the tensors themselves; all
names begin with the ``module.`` of DataParallel, which the reader takes off.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

import torch
from torch import Tensor

from mmmtl.converters.key_rules import (
    AFFINE,
    HEAD,
    NORM,
    ConversionError,
    Rule,
    our_tasks,
    refuse_missing,
    rename_keys,
)
from mmmtl.converters.normals_frame import turn_normals
from mmmtl.tasks import get_task

_LEVELS = 4
_OUTPUT = r'heads\.(\w+)\.last_layer\.3\.weight'
# HRNet under mmseg's names, which the released code kept.
_BACKBONE = r'((?:conv\d|bn\d|layer1|transition\d|stage\d)\..+)'
_BACKBONE_PARTS = ('conv1', 'layer1', 'stage2', 'stage3', 'stage4')


def convert_sca(
    state_dict: Mapping[str, Tensor],
) -> tuple[dict[str, Tensor], dict[str, list[str]]]:
    """Convert the tensors of a released SCA-MTL checkpoint.

    The order of the tasks is that of the outputs in the file. It matters:
    features are concatenated in it, so the same weights mean something else
    in a config that names the tasks in another order. It is stored as a
    tensor, and the head refuses another one. The output layer of normals and
    those of their initial predictions are negated, so that they come out in
    our frame.

    Args:
        state_dict: The authors' tensors, without ``module.``.

    Returns:
        Our tensors, and the config settings that the file asks for (by
        their dotted path).

    Raises:
        ConversionError: If a key is unknown or missing, or the tasks are.
    """
    from mmmtl.models.sca_mtl.task_order import TaskOrder, encode_names

    tasks = _read_tasks(state_dict)
    renamed = rename_keys(state_dict, _rules(tasks), 'SCA-MTL')
    for key, tensor in renamed.items():
        if re.fullmatch(rf'{HEAD}aggregations\.\w+\.linear\.weight', key):
            # A 1x1 convolution there, a matrix here.
            renamed[key] = tensor.flatten(1)
    order = encode_names(tasks.values())
    renamed[f'{HEAD}task_order.{TaskOrder.KEY}'] = order
    _check_complete(renamed, tasks)
    outputs = [
        f'{HEAD}aggregations.normals.classifier',
        *(
            f'{HEAD}scales.{level}.predictions.normals'
            for level in range(_LEVELS)
        ),
    ]
    turned = turn_normals(renamed, outputs)
    return turned, {'model.decode_head.tasks': list(tasks.values())}


def _read_tasks(state_dict: Mapping[str, Tensor]) -> dict[str, str]:
    """Return the authors' task names and ours, in the file's order."""
    matches = (re.fullmatch(_OUTPUT, key) for key in state_dict)
    names = [match[1] for match in matches if match]
    tasks = our_tasks(names, 'heads')
    if len(tasks) < 2:
        raise ConversionError(
            f'heads.<task>.last_layer.3.weight is there for {names}, and '
            'SCA-MTL has two tasks or more: this is not a checkpoint of the '
            'released SCA-MTL code'
        )
    return tasks


def _rules(tasks: Mapping[str, str]) -> list[Rule]:
    rules: list[Rule] = [(rf'backbone\.{_BACKBONE}', r'backbone.\1')]
    for level in range(_LEVELS):
        rules += _window_rules(
            rf'swTransform{level + 1}\.', f'neck.stages.{level}.'
        )
        rules += _interaction_rules(level, tasks)
        for theirs, ours in tasks.items():
            rules += _scale_rules(level, theirs, ours)
        if level:
            rules += _propagation_rules(level, tasks)
    for theirs, ours in tasks.items():
        rules += _output_rules(theirs, ours)
    return rules


def _window_rules(theirs: str, ours: str) -> list[Rule]:
    block = rf'{theirs}layers\.0\.blocks\.(\d+)\.'
    return [
        (rf'{theirs}patch_embed\.proj\.{AFFINE}', rf'{ours}embed.\1'),
        (rf'{theirs}patch_embed\.norm\.{AFFINE}', rf'{ours}embed_norm.\1'),
        (rf'{theirs}norm0\.{AFFINE}', rf'{ours}norm.\1'),
        (rf'{block}norm1\.{AFFINE}', rf'{ours}blocks.\1.norm.\2'),
        # Stored by the released model and never read.
        (rf'{block}norm2\.{AFFINE}', None),
        # Follows from the size of the window.
        (rf'{block}attn\.relative_position_index', None),
        (
            rf'{block}attn\.relative_position_bias_table',
            rf'{ours}blocks.\1.attention.bias.table',
        ),
        (
            rf'{block}attn\.(qkv|proj)\.{AFFINE}',
            rf'{ours}blocks.\1.attention.\2.\3',
        ),
    ]


def _residual_rules(theirs: str, ours: str) -> list[Rule]:
    return [
        (rf'{theirs}conv1\.(weight)', rf'{ours}entry.0.\1'),
        (rf'{theirs}bn1\.{NORM}', rf'{ours}entry.1.\1'),
        (rf'{theirs}conv2\.(weight)', rf'{ours}exit.0.\1'),
        (rf'{theirs}bn2\.{NORM}', rf'{ours}exit.1.\1'),
        (rf'{theirs}downsample\.0\.(weight)', rf'{ours}shortcut.0.\1'),
        (rf'{theirs}downsample\.1\.{NORM}', rf'{ours}shortcut.1.\1'),
    ]


def _attention_rules(theirs: str, ours: str) -> list[Rule]:
    rules: list[Rule] = []
    for part in ('query', 'key'):
        for step, place in ((0, 0), (1, 2)):
            layer = rf'{theirs}{part}_project\.{step}\.'
            rules += [
                (rf'{layer}conv\.(weight)', rf'{ours}{part}.{place}.0.\1'),
                (rf'{layer}bn\.{NORM}', rf'{ours}{part}.{place}.1.\1'),
            ]
    value = rf'{theirs}value_project\.'
    return [
        *rules,
        (rf'{value}conv\.(weight)', rf'{ours}value.0.0.\1'),
        (rf'{value}bn\.{NORM}', rf'{ours}value.0.1.\1'),
    ]


def _interaction_rules(level: int, tasks: Mapping[str, str]) -> list[Rule]:
    theirs = rf'distillation_scale_{level}\.'
    ours = f'{HEAD}interactions.{level}.'
    rules = _residual_rules(
        rf'{theirs}dimensionality_reduction\.', f'{ours}fusion.all.'
    )
    for target, our_target in tasks.items():
        for source, our_source in tasks.items():
            rules += _attention_rules(
                rf'{theirs}cross_attention\.{target}\.{source}\.',
                f'{ours}attention.{our_target}.{our_source}.',
            )
    return rules


def _scale_rules(level: int, theirs: str, ours: str) -> list[Rule]:
    scale = rf'scale_{level}\.'
    rules: list[Rule] = [
        (
            rf'{scale}decoders\.{theirs}\.{AFFINE}',
            rf'{HEAD}scales.{level}.predictions.{ours}.\1',
        )
    ]
    for block in (0, 1):
        rules += _residual_rules(
            rf'{scale}refinement\.{theirs}\.{block}\.',
            f'{HEAD}scales.{level}.blocks.{ours}.{block}.',
        )
    return rules


def _propagation_rules(level: int, tasks: Mapping[str, str]) -> list[Rule]:
    theirs = rf'fpm_scale_{level}\.'
    # Ours lead to the next finer level, theirs are called by where they start.
    ours = f'{HEAD}propagations.{level - 1}.'
    return [
        *_window_rules(rf'{theirs}swtf\.', f'{ours}attention.'),
        *_residual_rules(
            rf'{theirs}dimensionality_reduction\.', f'{ours}shared.'
        ),
        *(
            (
                rf'{theirs}se\.{name}\.squeeze\.([02])\.{AFFINE}',
                rf'{ours}squeezes.{task}.\1.\2',
            )
            for name, task in tasks.items()
        ),
    ]


def _output_rules(theirs: str, ours: str) -> list[Rule]:
    head = rf'heads\.{theirs}\.'
    task = f'{HEAD}aggregations.{ours}.'
    rules: list[Rule] = [
        (rf'{head}last_layer\.0\.{AFFINE}', rf'{task}linear.\1'),
        (rf'{head}last_layer\.1\.{NORM}', rf'{task}norm.\1'),
        (rf'{head}last_layer\.3\.{AFFINE}', rf'{task}classifier.\1'),
    ]
    for level in range(_LEVELS - 1):
        rules += _attention_rules(
            rf'{head}cross_scale_attention{level}\.',
            f'{task}cross_scale.attention.{level}.',
        )
        for coarser in range(level + 1, _LEVELS):
            reduce = rf'{head}upsample{coarser}{level}\.'
            place = f'{task}cross_scale.reduce.{level}.{coarser - level - 1}.'
            rules += [
                (rf'{reduce}0\.(weight)', rf'{place}0.\1'),
                (rf'{reduce}1\.{NORM}', rf'{place}1.\1'),
            ]
    return rules


def _check_complete(
    renamed: Mapping[str, Tensor], tasks: Mapping[str, str]
) -> None:
    """Refuse a file that lacks a tensor of neck or head."""
    missing = [
        f'backbone.{part}'
        for part in _BACKBONE_PARTS
        if not any(key.startswith(f'backbone.{part}.') for key in renamed)
    ]
    missing += sorted(_expected(tasks.values()) - renamed.keys())
    refuse_missing(missing)


def _expected(tasks: Iterable[str]) -> set[str]:
    """Return the names that neck and head of these tasks have."""
    from mmmtl.models.sca_mtl import (
        SequentialCrossAttentionHead,
        WindowSelfAttention,
    )

    # Names do not depend on widths; no memory is needed for them.
    levels = [4] * _LEVELS
    with torch.device('meta'):
        neck = WindowSelfAttention(in_channels=levels, concat=False)
        head = SequentialCrossAttentionHead(
            tasks={
                # Any list of classes does.
                task: {'out_channels': get_task(task).kind.out_channels(2)[0]}
                for task in tasks
            },
            in_channels=levels,
        )
    return {f'neck.{key}' for key in neck.state_dict()} | {
        f'{HEAD}{key}' for key in head.state_dict()
    }
