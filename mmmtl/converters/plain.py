"""Reading checkpoints that released codes wrote with ``torch.save`` alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeGuard

from torch import Tensor

from mmmtl.converters.key_rules import ConversionError
from mmmtl.engine.checkpoint import read_checkpoint, state_dict_of

# Where training scripts put the tensors in a file that holds more.
_PLACES = ('model', 'state_dict')


def read_plain_state_dict(path: str | Path) -> dict[str, Tensor]:
    """Read the tensors of a checkpoint without running code.

    Args:
        path: A local file: tensors by name, or a dictionary that holds them
            under ``model`` or ``state_dict``.

    Returns:
        The tensors, their names without the ``module.`` of DataParallel.

    Raises:
        UnsafeCheckpointError: The file contains code.
        UnreadableCheckpointError: The file is missing or damaged.
        ForeignCheckpointError: A name is there with and without ``module.``.
        ConversionError: There are no tensors by name in it.
    """
    content = read_checkpoint(path)
    candidates = [content.get(place) for place in _PLACES] + [content]
    for candidate in candidates:
        if _is_state_dict(candidate):
            return state_dict_of(candidate, path)
    raise ConversionError(
        f'checkpoint {path} holds no tensors by name, neither itself nor '
        f'under {" or ".join(_PLACES)}; it has {sorted(map(str, content))}: '
        'give the file that the released code saved'
    )


def _is_state_dict(candidate: Any) -> TypeGuard[dict[str, Tensor]]:
    return (
        isinstance(candidate, dict)
        and len(candidate) > 0
        and all(
            isinstance(key, str) and isinstance(value, Tensor)
            for key, value in candidate.items()
        )
    )
