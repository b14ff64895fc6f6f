"""From checkpoints of the released DeMT code to ours.

Source layout: yangyangxu0/DeMT at b638e14, a Lightning checkpoint whose
``state_dict`` has the prefixes ``backbone.`` and ``head.``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from torch import Tensor

from mmmtl.converters.key_rules import (
    ConversionError,
    Rule,
    rename_keys,
)
from mmmtl.structures import TASK_SPECS

_TASK_NAMES = {'sal': 'saliency'}
_NECK = 'neck.'
_HEAD = 'decode_head.'
# Ends of keys, spelled out so that nothing unknown slips through.
_AFFINE = r'(weight|bias)'
_NORM = r'(weight|bias|running_mean|running_var|num_batches_tracked)'
_ATTENTION = r'(in_proj_weight|in_proj_bias|out_proj\.weight|out_proj\.bias)'
# Swin and HRNet under mmseg's names, which the released code kept.
_BACKBONE = (
    r'((?:patch_embed|stages|norm\d|conv\d|bn\d|norm1|norm2|layer1'
    r'|transition\d|stage\d)\..+)'
)


def convert_demt(
    state_dict: Mapping[str, Tensor],
) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Convert the tensors of a released DeMT checkpoint.

    The order of the tasks is that of the output layers in the file. Mixers
    written before and after 2023-03-07 have their steps in a different
    order; which one it is shows in the names.

    Args:
        state_dict: The authors' tensors.

    Returns:
        Our tensors, and the config settings that the file asks for (by
        their dotted path).

    Raises:
        ConversionError: If a key is unknown or the tasks are.
    """
    tasks = _read_tasks(state_dict)
    gather_first = any(
        re.fullmatch(r'head\.defor_mixers\.\d+\.blocks\.\d+\.0\.fn\..*', key)
        for key in state_dict
    )
    renamed = rename_keys(state_dict, _rules(tasks, gather_first), 'DeMT')
    _check_complete(renamed, tasks)
    order = 'gather_mix' if gather_first else 'mix_gather'
    return renamed, {'model.neck.block_order': order}


def _read_tasks(state_dict: Mapping[str, Tensor]) -> dict[str, str]:
    """Return the authors' task names and ours, in the file's order."""
    tasks = {}
    for key in state_dict:
        match = re.fullmatch(r'head\.final_logits\.(\w+)\.weight', key)
        if match:
            name = match[1]
            tasks[name] = _TASK_NAMES.get(name, name)
    unknown = [ours for ours in tasks.values() if ours not in TASK_SPECS]
    if not tasks or unknown:
        raise ConversionError(
            f'unknown tasks {unknown} in head.final_logits'
            if tasks
            else 'no key head.final_logits.<task>.weight: this is not a '
            'checkpoint of the released DeMT code'
        )
    return tasks


def _check_complete(
    renamed: Mapping[str, Tensor], tasks: Mapping[str, str]
) -> None:
    """Refuse a file that lacks a part: every task has the same tensors."""
    parts = ('backbone.', f'{_NECK}projection.', f'{_HEAD}interaction.')
    missing = [
        part for part in parts if not any(k.startswith(part) for k in renamed)
    ]
    per_task = {
        ours: {
            key.replace(f'.{ours}.', '.<task>.')
            for key in renamed
            if f'.{ours}.' in key
        }
        for ours in tasks.values()
    }
    every = set().union(*per_task.values())
    groups = ('neck.mixers', 'queries', 'query_mlps', 'bottlenecks')
    missing += [
        f'{_HEAD if "." not in group else ""}{group}.<task>'
        for group in groups
        if not any(f'{group}.<task>' in key for key in every)
    ]
    missing += [
        key.replace('<task>', ours)
        for ours, keys in per_task.items()
        for key in sorted(every - keys)
    ]
    if missing:
        raise ConversionError(
            f'the checkpoint is incomplete, it lacks {len(missing)} parts: '
            f'{", ".join(missing[:4])}: copy or download it again'
        )


def _rules(tasks: Mapping[str, str], gather_first: bool) -> list[Rule]:
    rules: list[Rule] = [
        (rf'backbone\.{_BACKBONE}', r'backbone.\1'),
        (rf'head\.linear1\.0\.{_AFFINE}', rf'{_NECK}projection.linear.\1'),
        (rf'head\.linear1\.1\.{_AFFINE}', rf'{_NECK}norm.\1'),
        (rf'head\.task_fusion\.{_ATTENTION}', rf'{_HEAD}interaction.\1'),
        (rf'head\.smlp\.0\.{_AFFINE}', rf'{_HEAD}interaction_mlp.linear.\1'),
        (rf'head\.smlp\.1\.{_AFFINE}', rf'{_HEAD}interaction_mlp.norm.\1'),
    ]
    for index, (theirs, ours) in enumerate(tasks.items()):
        rules += _mixer_rules(index, ours, gather_first)
        rules += [
            (
                rf'head\.task_querys\.{index}\.{_ATTENTION}',
                rf'{_HEAD}queries.{ours}.\1',
            ),
            (
                rf'head\.smlp2\.{index}\.0\.{_AFFINE}',
                rf'{_HEAD}query_mlps.{ours}.linear.\1',
            ),
            (
                rf'head\.smlp2\.{index}\.1\.{_AFFINE}',
                rf'{_HEAD}query_mlps.{ours}.norm.\1',
            ),
            (
                rf'head\.bottleneck\.{theirs}\.conv\.(weight)',
                rf'{_HEAD}bottlenecks.{ours}.0.\1',
            ),
            (
                rf'head\.bottleneck\.{theirs}\.bn\.{_NORM}',
                rf'{_HEAD}bottlenecks.{ours}.1.\1',
            ),
            (
                rf'head\.final_logits\.{theirs}\.{_AFFINE}',
                rf'{_HEAD}classifiers.{ours}.\1',
            ),
        ]
    return rules


def _mixer_rules(index: int, task: str, gather_first: bool) -> list[Rule]:
    block = rf'head\.defor_mixers\.{index}\.blocks\.(\d+)\.'
    ours = rf'{_NECK}mixers.{task}.\1.'
    # Their positions of (residual, convolution, norm), and ours.
    residual, conv, norm = (0, 1, 3) if gather_first else (3, 0, 2)
    gather, mix = (0, 1) if gather_first else (1, 0)
    deform = rf'{block}{residual}\.fn\.0\.'
    return [
        # A fixed pattern that the released model stores and never reads.
        (rf'{deform}offset', None),
        (
            rf'{deform}get_offset\.p_conv\.{_AFFINE}',
            rf'{ours}{gather}.offsets.learned.\2',
        ),
        (
            rf'{deform}get_offset\.opt\.{_AFFINE}',
            rf'{ours}{gather}.offsets.expand.\2',
        ),
        (rf'{deform}{_AFFINE}', rf'{ours}{gather}.deform.\2'),
        (rf'{block}{residual}\.fn\.2\.{_NORM}', rf'{ours}{gather}.norm.\2'),
        (rf'{block}{conv}\.{_AFFINE}', rf'{ours}{mix}.conv.\2'),
        (rf'{block}{norm}\.{_NORM}', rf'{ours}{mix}.norm.\2'),
    ]
