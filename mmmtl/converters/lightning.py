"""Reading the Lightning checkpoints that the released codes write."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from mmmtl.converters.key_rules import ConversionError
from mmmtl.engine.checkpoint import (
    enable_safe_loading,
    read_checkpoint,
)


class _Inert:
    """Stands in for a class whose name occurs in a checkpoint.

    Lightning 1.x files name the callback classes that wrote them. They are
    read as this empty class: nothing of Lightning is imported or run.
    """


_NAMES_IN_LIGHTNING_FILES = (
    'pytorch_lightning.callbacks.early_stopping.EarlyStopping',
    'pytorch_lightning.callbacks.lr_monitor.LearningRateMonitor',
    'pytorch_lightning.callbacks.model_checkpoint.ModelCheckpoint',
)


def read_lightning_state_dict(path: str | Path) -> dict[str, Tensor]:
    """Read the tensors of a Lightning checkpoint without running code.

    Args:
        path: A local file.

    Returns:
        What the file holds under ``state_dict``.

    Raises:
        UnsafeCheckpointError: The file contains code.
        UnreadableCheckpointError: The file is missing or damaged.
        ConversionError: There is no ``state_dict`` of tensors in it.
    """
    enable_safe_loading()
    torch.serialization.add_safe_globals(
        [(_Inert, name) for name in _NAMES_IN_LIGHTNING_FILES]
    )
    state = read_checkpoint(path).get('state_dict')
    if not isinstance(state, dict) or not all(
        isinstance(value, Tensor) for value in state.values()
    ):
        raise ConversionError(
            f'checkpoint {path} has no tensors under state_dict: give the '
            'file that the released code saved (.ckpt)'
        )
    return state
