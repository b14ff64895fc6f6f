"""From checkpoints of the released DeMT code to ours.

Source layout: yangyangxu0/DeMT at b638e14, a Lightning checkpoint whose
``state_dict`` has the prefixes ``backbone.`` and ``head.``.
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
    Rule,
    rename_keys,
)
from mmmtl.converters.normals_frame import turn_normals

_NECK = 'neck.'


def convert_demt(
    state_dict: Mapping[str, Tensor],
) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Convert the tensors of a released DeMT checkpoint.

    The order of the tasks is that of the output layers in the file. Mixers
    written before and after 2023-03-07 have their steps in a different
    order; which one it is shows in the names. The output layer of normals
    is negated, so that they come out in our frame.

    Args:
        state_dict: The authors' tensors.

    Returns:
        Our tensors, and the config settings that the file asks for (by
        their dotted path).

    Raises:
        ConversionError: If a key is unknown or the tasks are.
    """
    tasks = read_tasks(state_dict, 'DeMT')
    gather_first = any(
        re.fullmatch(r'head\.defor_mixers\.\d+\.blocks\.\d+\.0\.fn\..*', key)
        for key in state_dict
    )
    renamed = rename_keys(state_dict, _rules(tasks, gather_first), 'DeMT')
    check_complete(
        renamed,
        tasks.values(),
        parts=('backbone.', f'{_NECK}projection.', f'{HEAD}interaction.'),
        groups=('neck.mixers', 'queries', 'query_mlps', 'bottlenecks'),
    )
    order = 'gather_mix' if gather_first else 'mix_gather'
    turned = turn_normals(renamed, [f'{HEAD}classifiers.normals'])
    return turned, {'model.neck.block_order': order}


def _rules(tasks: Mapping[str, str], gather_first: bool) -> list[Rule]:
    rules: list[Rule] = [
        BACKBONE_RULE,
        (rf'head\.linear1\.0\.{AFFINE}', rf'{_NECK}projection.linear.\1'),
        (rf'head\.linear1\.1\.{AFFINE}', rf'{_NECK}norm.\1'),
        (rf'head\.task_fusion\.{ATTENTION}', rf'{HEAD}interaction.\1'),
        (rf'head\.smlp\.0\.{AFFINE}', rf'{HEAD}interaction_mlp.linear.\1'),
        (rf'head\.smlp\.1\.{AFFINE}', rf'{HEAD}interaction_mlp.norm.\1'),
    ]
    for index, (theirs, ours) in enumerate(tasks.items()):
        rules += _mixer_rules(index, ours, gather_first)
        rules += [
            (
                rf'head\.task_querys\.{index}\.{ATTENTION}',
                rf'{HEAD}queries.{ours}.\1',
            ),
            (
                rf'head\.smlp2\.{index}\.0\.{AFFINE}',
                rf'{HEAD}query_mlps.{ours}.linear.\1',
            ),
            (
                rf'head\.smlp2\.{index}\.1\.{AFFINE}',
                rf'{HEAD}query_mlps.{ours}.norm.\1',
            ),
            (
                rf'head\.bottleneck\.{theirs}\.conv\.(weight)',
                rf'{HEAD}bottlenecks.{ours}.0.\1',
            ),
            (
                rf'head\.bottleneck\.{theirs}\.bn\.{NORM}',
                rf'{HEAD}bottlenecks.{ours}.1.\1',
            ),
            (
                rf'head\.final_logits\.{theirs}\.{AFFINE}',
                rf'{HEAD}classifiers.{ours}.\1',
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
            rf'{deform}get_offset\.p_conv\.{AFFINE}',
            rf'{ours}{gather}.offsets.learned.\2',
        ),
        (
            rf'{deform}get_offset\.opt\.{AFFINE}',
            rf'{ours}{gather}.offsets.expand.\2',
        ),
        (rf'{deform}{AFFINE}', rf'{ours}{gather}.deform.\2'),
        (rf'{block}{residual}\.fn\.2\.{NORM}', rf'{ours}{gather}.norm.\2'),
        (rf'{block}{conv}\.{AFFINE}', rf'{ours}{mix}.conv.\2'),
        (rf'{block}{norm}\.{NORM}', rf'{ours}{mix}.norm.\2'),
    ]
