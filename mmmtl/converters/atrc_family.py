"""What checkpoints of ATRC's descendants (DeMT, MQTransformer) share.

Their codes grew out of brdav/atrc: Lightning checkpoints with the prefixes
``backbone.`` and ``head.``, backbones under mmseg's names, the tasks named by
their output layers.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from torch import Tensor

from mmmtl.converters.key_rules import (
    HEAD,
    ConversionError,
    Rule,
    our_tasks,
    refuse_missing,
)

ATTENTION = r'(in_proj_weight|in_proj_bias|out_proj\.weight|out_proj\.bias)'
# Swin and HRNet under mmseg's names, which the released codes kept.
BACKBONE_RULE: Rule = (
    r'backbone\.((?:patch_embed|stages|norm\d|conv\d|bn\d|norm1|norm2|layer1'
    r'|transition\d|stage\d)\..+)',
    r'backbone.\1',
)


def read_tasks(
    state_dict: Mapping[str, Tensor], method: str
) -> dict[str, str]:
    """Return the authors' task names and ours, in the file's order.

    Args:
        state_dict: The authors' tensors.
        method: Name of the method, for the error.

    Returns:
        ``{their name: our name}``.

    Raises:
        ConversionError: If there are no output layers, or one of a task that
            is not in our table.
    """
    matches = (
        re.fullmatch(r'head\.final_logits\.(\w+)\.weight', key)
        for key in state_dict
    )
    tasks = our_tasks(
        [match[1] for match in matches if match], 'head.final_logits'
    )
    if not tasks:
        raise ConversionError(
            'no key head.final_logits.<task>.weight: this is not a '
            f'checkpoint of the released {method} code'
        )
    return tasks


def check_complete(
    renamed: Mapping[str, Tensor],
    tasks: Iterable[str],
    *,
    parts: Iterable[str],
    groups: Iterable[str],
) -> None:
    """Refuse a file that lacks a part: every task has the same tensors.

    Args:
        renamed: Tensors under our names.
        tasks: Our task names.
        parts: Beginnings of names that must occur.
        groups: Names within the head (or, with ``neck.``, the whole name)
            under which every task must have tensors.

    Raises:
        ConversionError: Names what is missing.
    """
    missing = [
        part for part in parts if not any(k.startswith(part) for k in renamed)
    ]
    per_task = {
        task: {
            re.sub(rf'\.{task}(?=\.|$)', '.<task>', key)
            for key in renamed
            if re.search(rf'\.{task}(\.|$)', key)
        }
        for task in tasks
    }
    every = set().union(*per_task.values())
    places = [g if g.startswith('neck.') else HEAD + g for g in groups]
    missing += [
        f'{place}.<task>'
        for place in places
        if not any(key.startswith(f'{place}.<task>') for key in every)
    ]
    missing += [
        key.replace('<task>', task)
        for task, keys in per_task.items()
        for key in sorted(every - keys)
    ]
    refuse_missing(missing)
