"""Renaming checkpoint keys by rules, with nothing left over."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from torch import Tensor

from mmmtl.tasks import TASKS

#: A pattern for a whole key, and the new key (``\1`` for groups); None drops
#: the tensor because the released model never uses it.
Rule = tuple[str, str | None]

#: Ends of keys, spelled out so that nothing unknown slips through.
AFFINE = r'(weight|bias)'
NORM = r'(weight|bias|running_mean|running_var|num_batches_tracked)'
#: Where our models keep their head.
HEAD = 'decode_head.'

# The authors' names that are not ours.
_TASK_NAMES = {'sal': 'saliency'}


class ConversionError(ValueError):
    """A checkpoint that is not what the converter was asked to read."""


def rename_keys(
    state_dict: Mapping[str, Tensor], rules: Sequence[Rule], method: str
) -> dict[str, Tensor]:
    """Rename every key by the first rule that matches it.

    Args:
        state_dict: The authors' tensors.
        rules: Patterns for whole keys, and replacements.
        method: Name of the method, for the error.

    Returns:
        The renamed tensors, in the same order.

    Raises:
        ConversionError: If a key matches no rule, or two keys get the same
            name.
    """
    compiled = [(re.compile(pattern), new) for pattern, new in rules]
    renamed: dict[str, Tensor] = {}
    unknown = []
    for key, tensor in state_dict.items():
        hits = ((pattern.fullmatch(key), new) for pattern, new in compiled)
        match, new = next((hit for hit in hits if hit[0]), (None, None))
        if match is None:
            unknown.append(key)
            continue
        if new is None:
            continue
        name = match.expand(new)
        if name in renamed:
            raise ConversionError(f'{key} and another key both give {name}')
        renamed[name] = tensor
    if unknown:
        raise ConversionError(
            f'{len(unknown)} keys are not of a {method} checkpoint: '
            f'{", ".join(unknown[:5])}{", ..." if unknown[5:] else ""}: '
            'check that the method named on the command line fits the file'
        )
    return renamed


def refuse_missing(missing: Sequence[str]) -> None:
    """Refuse a file that lacks parts.

    Args:
        missing: Our names of what is missing, or how they begin.

    Raises:
        ConversionError: If anything is missing; names the first of it.
    """
    if missing:
        raise ConversionError(
            f'the checkpoint is incomplete, it lacks {len(missing)} parts: '
            f'{", ".join(missing[:4])}: copy or download it again'
        )


def our_tasks(names: Iterable[str], place: str) -> dict[str, str]:
    """Return our names of the tasks, by the authors'.

    Args:
        names: The authors' names.
        place: Where in the file they were read, for the error.

    Returns:
        ``{their name: our name}``, in the same order.

    Raises:
        ConversionError: If one is not in our table of tasks.
    """
    tasks = {name: _TASK_NAMES.get(name, name) for name in names}
    unknown = [ours for ours in tasks.values() if ours not in TASKS]
    if unknown:
        raise ConversionError(f'unknown tasks {unknown} in {place}')
    return tasks
